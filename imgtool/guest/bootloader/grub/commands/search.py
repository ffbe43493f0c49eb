"""search, which finds a device by label, UUID or file (grub-core/commands/search.c, search_wrap.c)."""

from collections.abc import Callable, Iterator

from imgtool.guest.bootloader.grub.commands.registry import command
from imgtool.guest.bootloader.grub.disks import find
from imgtool.guest.bootloader.grub.errors import Err, GrubError, Undecided
from imgtool.guest.bootloader.grub.execute import Call
from imgtool.guest.bootloader.grub.machine import Machine
from imgtool.guest.bootloader.grub.options import Option, Parsed, parse
from imgtool.guest.bootloader.grub.values import known
from imgtool.guest.filesystems.base import GuestReadError, Kind
from imgtool.guest.mounts import Device

MAX_HINTS = 100
_KINDS = ("label", "fs-uuid", "file", "part-label", "part-uuid")
_HINTS = ("hint", "hint-ieee1275", "hint-bios", "hint-baremetal", "hint-efi", "hint-arc")
_OPTIONS = (
    Option("file", "f"),
    Option("label", "l"),
    Option("fs-uuid", "u"),
    Option("set", "s", takes=True, optional=True),
    Option("no-floppy", "n"),
    Option("efidisk-only"),
    Option("cryptodisk-only"),
    Option("root-dev-only", "r"),
    *(Option(name, "h" if name == "hint" else "", takes=True, repeatable=True) for name in _HINTS),
)
_FLATCARS = (Option("part-label"), Option("part-uuid"))
"""What the GRUB of Flatcar and of Container Linux has besides, by its own patches."""
_FLATCAR_PREFIXES = ("/flatcar/", "/coreos/")
_HINTS_OF_PLATFORM = {"bios": ("hint", "hint-bios"), "uefi": ("hint", "hint-efi")}


@command("search")
def _search(machine: Machine, call: Call) -> int:
    more = _FLATCARS if any(one in machine.start.prefix for one in _FLATCAR_PREFIXES) else ()
    parsed = parse((*_OPTIONS, *more), call.arguments, accept_dash=True)
    key, variable = _key(parsed)
    kind = next((kind for kind in _KINDS if parsed.has(kind)), None)
    if kind is None:
        raise GrubError(Err.INVALID_COMMAND, "unspecified search type")
    if parsed.has("cryptodisk-only"):
        raise Undecided("what is in an encrypted volume is not read")
    names = (*_HINTS_OF_PLATFORM[machine.start.firmware], "hint-baremetal")
    hints = [hint for name in names for hint in parsed.all(name)]
    return _do_search(machine, kind, key, variable, hints)


def _key(parsed: Parsed) -> tuple[str, str | None]:
    """What is looked for, and the variable that gets the device. A `--set` without a value means root."""
    rest = [word for word in parsed.arguments if not word.startswith("--hint-")]
    set_to = parsed.value("set")
    if rest:
        return rest[0], (set_to or "root") if parsed.has("set") else None
    if set_to is not None:
        return set_to, "root"
    raise GrubError(Err.BAD_ARGUMENT, "one argument expected")


@command("search.fs_uuid", "search.fs_label", "search.file")
def _search_plain(machine: Machine, call: Call) -> int:
    if not call.arguments:
        raise GrubError(Err.BAD_ARGUMENT, "one argument expected")
    kind = {"search.fs_uuid": "fs-uuid", "search.fs_label": "label", "search.file": "file"}[call.name]
    key, *rest = call.arguments
    return _do_search(machine, kind, key, rest[0] if rest else None, rest[1:])


def _do_search(machine: Machine, kind: str, key: str, variable: str | None, hints: list[str]) -> int:
    matches = _matcher(machine, kind, known(key, "what `search` looks for"))
    found = False
    for name in _candidates(machine, hints):
        if not matches(name):
            continue
        found = True
        if variable is not None:
            machine.variables.set(variable, name)
            return Err.NONE
        machine.say(f" {name}")
    if not found:
        raise GrubError(Err.FILE_NOT_FOUND, f"no such device: {key}")
    return Err.NONE


def _candidates(machine: Machine, hints: list[str]) -> Iterator[str]:
    """The hints first; one that ends in a comma means the disk and then its partitions."""
    for hint in hints[:MAX_HINTS]:
        name = known(hint, "a hint of `search`")
        yield name.removesuffix(",")
        if name.endswith(","):
            yield from machine.disks.partitions(name[:-1])
    yield from machine.disks.names()


def _matcher(machine: Machine, kind: str, key: str) -> Callable[[str], bool]:
    relative = machine.btrfs_is_relative

    def matches(name: str) -> bool:
        try:
            return _is_meant(machine.disks.device(name), kind, key, relative=relative)
        except GrubError:
            return False

    return matches


def _is_meant(device: Device, kind: str, key: str, *, relative: bool) -> bool:
    if kind == "label":
        return device.filesystem.label == key
    partition = device.partition
    if kind in {"part-label", "part-uuid"}:
        return partition is not None and key == (partition.label if kind == "part-label" else partition.uuid)
    if kind == "fs-uuid":
        return (device.filesystem.uuid or "").lower() == key.lower() and bool(key)
    try:
        return find(device, key, relative=relative).node.kind is Kind.FILE
    except GuestReadError as error:
        raise Undecided(f"{device.volume.name} cannot be searched: {error}") from error
