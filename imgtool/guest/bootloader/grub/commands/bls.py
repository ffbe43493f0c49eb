"""blscfg of Fedora and its relatives: entries from files (grub-core/commands/blscfg.c of rhboot/grub2)."""

from imgtool.guest.bootloader.grub.commands.registry import command
from imgtool.guest.bootloader.grub.disks import find
from imgtool.guest.bootloader.grub.errors import Err, GrubError
from imgtool.guest.bootloader.grub.execute import Call
from imgtool.guest.bootloader.grub.machine import BlsEntry, Entry, Machine
from imgtool.guest.bootloader.grub.rpm_order import compare_names
from imgtool.guest.bootloader.grub.values import c_number
from imgtool.guest.bootloader.run import LoaderFile
from imgtool.guest.filesystems.base import GuestReadError, Kind

DIRECTORY = "/loader/entries/"
FALLBACK = "/boot/loader/entries/"
MAX_NAMES = 2000
MAX_FIELDS = 200


@command("blscfg", "bls_import")
def _blscfg(machine: Machine, call: Call) -> int:
    machine.is_fedora = True
    which = call.arguments[0] if len(call.arguments) == 1 else ""
    if which.endswith(".conf"):
        _add_file(machine, machine.file(which), which.rpartition("/")[2])
    else:
        _read_directory(machine, which if which.startswith("(") else "")
    default = machine.known_variable("default")
    for index, entry in enumerate(machine.bls):
        if not entry.shown and _is_wanted(entry, which, is_default=_is_default(entry, default, index)):
            entry.shown = True
            _create(machine, entry)
    return Err.NONE


def _is_wanted(entry: BlsEntry, which: str, *, is_default: bool) -> bool:
    if which == "default":
        return is_default
    if which == "non-default":
        return not is_default
    return not which or which.startswith("(") or entry.name == which


def _is_default(entry: BlsEntry, default: str | None, index: int) -> bool:
    if default is None:
        return False
    if default in {entry.name, entry.first("title")}:
        return True
    try:
        return c_number(default)[0] == index
    except GrubError:
        return False


def _read_directory(machine: Machine, given: str) -> None:
    """Read of `$root` `blsdir`, else /loader/entries, and where that is not there /boot/loader/entries."""
    place = machine.place(given or machine.known_variable("blsdir") or DIRECTORY)
    device = machine.disks.device(place.device)
    paths = [place.path] if given else [place.path, FALLBACK]
    for path in paths:
        try:
            directory = find(device, path, relative=machine.btrfs_is_relative)
        except GrubError:
            continue
        if directory.node.kind is not Kind.DIRECTORY:
            continue
        for count, (name, _) in enumerate(directory.node.children()):
            if count >= MAX_NAMES:
                raise GuestReadError(f"{directory}: more than {MAX_NAMES} entries")
            if not name.startswith(".") and len(name) > 5 and name.endswith(".conf"):
                _add_named(machine, f"({place.device}){path.rstrip('/')}/{name}", name)
        return


def _add_named(machine: Machine, path: str, name: str) -> None:
    try:
        file = machine.file(path)
    except GrubError:
        return
    _add_file(machine, file, name)


def _add_file(machine: Machine, file: LoaderFile, name: str) -> None:
    """Put it in its place among the others, newest first; one of equal name is left out."""
    entry = BlsEntry(name.removesuffix(".conf"), str(file), _fields(machine, machine.read_file(file)))
    for index, other in enumerate(machine.bls):
        order = compare_names(entry.name, other.name)
        if order == 0:
            return
        if order > 0:
            machine.bls.insert(index, entry)
            return
    machine.bls.append(entry)


def _fields(machine: Machine, text: str) -> list[tuple[str, str]]:
    """The lines up to one without a value: there GRUB stops reading, at an empty line too."""
    found: list[tuple[str, str]] = []
    for raw in machine.lines(text):
        line = raw.lstrip(" \t")
        if line.startswith("#"):
            continue
        at = line.find(" ")
        at = line.find("\t") if at < 0 else at
        if at < 0 or at + 1 >= len(line) or len(found) >= MAX_FIELDS:
            break
        found.append((line[:at], line[at:].lstrip(" \t")))
    return found


def _create(machine: Machine, entry: BlsEntry) -> None:
    linux = entry.first("linux")
    if linux is None:
        return
    options = _expanded(machine, entry.first("options"))
    if options is None:
        options = _expanded(machine, machine.variable("default_kernelopts"))
    body = [
        *(["savedefault"] if machine.known_variable("save_default") == "true" else []),
        "load_video",
        "set gfxpayload=keep",
        "insmod gzio",
        f"linux ($root){linux}{' ' if options else ''}{options or ''}",
        *_initrd_line(machine, entry, linux),
    ]
    title = entry.first("title") or linux
    machine.add_entry(
        Entry(
            title=title,
            name=entry.name,
            body="\n".join(body) + "\n",
            arguments=(title, *entry.all("grub_arg")),
            source=entry.source,
            users=_expanded(machine, entry.first("grub_users")),
        )
    )


def _initrd_line(machine: Machine, entry: BlsEntry, linux: str) -> list[str]:
    initrds = entry.all("initrd")
    early = machine.variable("early_initrd")
    beside = (initrds[0] if initrds else linux).rpartition("/")[0]
    first = [f"{beside}/{name}" for name in early.split(" ")] if early is not None else []
    names = [f" ($root){name}" for name in [*first, *initrds]]
    return [f"initrd{''.join(names)}"] if names else []


def _expanded(machine: Machine, value: str | None) -> str | None:
    """Variables in a value as blscfg has them: a blank stands behind each; one that follows is dropped."""
    if value is None:
        return None
    pieces: list[str] = []
    at = 0
    while at < len(value):
        dollar = value.find("$", at)
        while dollar > at and value[dollar - 1] == "\\":
            dollar = value.find("$", dollar + 1)
        if dollar < 0:
            break
        pieces.append(value[at:dollar])
        at = dollar + 1
        while at < len(value) and (value[at] == "_" or (value[at].isascii() and value[at].isalnum())):
            at += 1
        found = machine.variable(value[dollar + 1 : at])
        if found is not None:
            pieces.append(f"{found} ")
        at += value[at : at + 1] == " "
    pieces.append(value[at:])
    return "".join(pieces) or None
