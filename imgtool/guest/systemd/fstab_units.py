"""The units that systemd-fstab-generator(8) makes of /etc/fstab.

Source: src/fstab-generator/fstab-generator.c, src/shared/fstab-util.c; systemd.mount(5), "fstab". The first
entry of a mount point counts. A mount point that is a link is taken for what the link leads to.
"""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.fstab import BY_PATH, SWAP, FstabEntry, all_entries
from imgtool.guest.kernel_command_line import CommandLine
from imgtool.guest.systemd.generated import Link
from imgtool.guest.systemd.generator_files import why_not_generated
from imgtool.guest.systemd.names import escape_path, is_unit_name
from imgtool.guest.systemd.unit import as_boolean
from imgtool.guest.tree import GuestTree

FSTAB = "/etc/fstab"
GENERATOR = "systemd-fstab-generator"
MAX_FSTAB_BYTES = 256 << 10
MAX_ENTRIES = 1000
DIRECTORY = "systemd/generator"
NETWORK_TYPES = frozenset(
    (
        *("afs", "ceph", "cifs", "smb3", "smbfs", "sshfs", "ncpfs", "ncp", "nfs", "nfs4", "gfs", "gfs2"),
        *("glusterfs", "pvfs2", "ocfs2", "lustre", "davfs"),
    )
)
"""fstype_is_network: what is mounted for remote-fs.target. 9p and virtiofs are not among them."""
API_MOUNTS = frozenset(
    (
        *("/proc", "/sys", "/dev", "/dev/shm", "/dev/pts", "/run"),  # noqa: S108 - of the guest
        *("/sys/kernel/security", "/sys/fs/smackfs", "/sys/fs/cgroup", "/sys/fs/pstore", "/sys/fs/bpf"),
        *("/sys/firmware/efi/efivars", "/sys/fs/selinux", "/selinux", "/dev/console", "/proc/kmsg"),
        *("/proc/sys", "/proc/sys/kernel/random/boot_id"),
    )
)
"""Mount points that systemd has mounted itself before it reads any unit: src/shared/mount-setup.c."""
AUTOMOUNT = ("x-systemd.automount", "comment=systemd.automount")
UDEV_SAFE = frozenset("#+-.:=@_/") - {"/"}


@dataclass(frozen=True, slots=True)
class FstabMount:
    """One entry as the generator takes it."""

    entry: FstabEntry
    what: str
    """The device by udev's name, or what else stands there."""
    where: str
    """Its canonical mount point; of swap the device."""
    required: bool
    """The target requires it; else it only wants it, or nothing does."""
    started: bool
    """The target starts it at boot."""
    automount: bool
    target: str

    @property
    def unit(self) -> str:
        """The name of its unit."""
        return f"{escape_path(self.where)}.{SWAP if self.entry.type == SWAP else 'mount'}"


def fstab_mounts(tree: GuestTree, command_line: CommandLine) -> tuple[FstabMount, ...]:
    """The entries of fstab that become units, in their order."""
    switch = as_boolean(command_line.systemd_value("fstab") or "")
    if switch is False or why_not_generated(tree, GENERATOR) is not None:
        return ()
    text = (tree.read_bytes(FSTAB, MAX_FSTAB_BYTES) or b"").decode("utf-8", "surrogateescape")
    entries = all_entries(text)
    if len(entries) > MAX_ENTRIES:
        raise GuestReadError(f"{FSTAB}: more than {MAX_ENTRIES} entries")
    found: dict[str, FstabMount] = {}
    for entry in entries:
        mount = _swap(entry) if entry.type == SWAP else _mount(tree, entry)
        if mount is not None:
            found.setdefault(mount.unit, mount)
    return tuple(found.values())


def fstab_units(tree: GuestTree, command_line: CommandLine) -> Iterator[tuple[str, str | Link]]:
    """The files of the generator: path below /run to text or link."""
    for one in fstab_mounts(tree, command_line):
        yield f"{DIRECTORY}/{one.unit}", _text(one)
        unit = one.unit
        if one.automount:
            unit = f"{escape_path(one.where)}.automount"
            yield (
                f"{DIRECTORY}/{unit}",
                f"[Unit]\nSourcePath={FSTAB}\n[Automount]\nWhere={_quoted(one.where)}\n",
            )
        for target, kind in _targets(one):
            yield f"{DIRECTORY}/{target}.{kind}/{unit}", Link(f"../{unit}")
    service = "systemd-remount-fs.service"
    yield f"{DIRECTORY}/local-fs.target.wants/{service}", Link(f"/usr/lib/systemd/system/{service}")


def _targets(one: FstabMount) -> Iterator[tuple[str, str]]:
    """Who starts it: the options x-systemd.wanted-by and required-by stand in for the usual target.

    Not so for the root, nor for what is mounted at the first access.
    """
    named = False
    usual = one.automount or one.where == "/"
    options = (("x-systemd.wanted-by", "wants"), ("x-systemd.required-by", "requires"))
    for option, kind in () if usual else options:
        for value in one.entry.values_of(option):
            if is_unit_name(value):
                named = True
                yield value, kind
    if not named and one.started:
        yield one.target, "requires" if one.required else "wants"


def _swap(entry: FstabEntry) -> FstabMount | None:
    what = udev_name(entry.device)
    if not what.startswith("/"):
        return None
    noauto, nofail = entry.switch("noauto", "auto"), entry.switch("nofail", "fail")
    return FstabMount(entry, what, what, not nofail, not noauto, automount=False, target="swap.target")


def _mount(tree: GuestTree, entry: FstabEntry) -> FstabMount | None:
    where = _canonical(tree, entry.mount_point)
    if entry.type == "autofs" or not entry.mount_point.startswith("/") or where in API_MOUNTS:
        return None
    noauto, nofail = entry.switch("noauto", "auto"), entry.switch("nofail", "fail")
    automount = any(option in entry.options for option in AUTOMOUNT)
    if where == "/":
        noauto = nofail = automount = False
    if "bg" in entry.options and entry.type in {"nfs", "nfs4"} and not automount:
        nofail = True
    network = "_netdev" in entry.options or entry.type.removeprefix("fuse.") in NETWORK_TYPES
    return FstabMount(
        entry,
        udev_name(entry.device),
        where,
        required=not nofail,
        started=automount or not noauto,
        automount=automount,
        target="remote-fs.target" if network else "local-fs.target",
    )


def _canonical(tree: GuestTree, path: str) -> str:
    """The mount point with the links on its way followed; where something is missing, as it is written."""
    plain = posixpath.normpath("/" + path.lstrip("/"))
    head, tail = plain, ""
    while head != "/":
        resolved = tree.resolve(head)
        if resolved is not None:
            return posixpath.normpath(posixpath.join(resolved, tail))
        head, name = posixpath.split(head)
        tail = posixpath.join(name, tail) if tail else name
    return plain


def udev_name(device: str) -> str:
    """The path by which udev names what a first field means; case counts: fstab_node_to_udev_node."""
    tag, equals, value = device.partition("=")
    places = {kind: place for place, kind in BY_PATH.items()}
    if not equals or tag not in places:
        return device
    return f"/dev/disk/{places[tag]}/{_encoded(value.strip(chr(34) + chr(39)))}"


def _encoded(value: str) -> str:
    """encode_devnode_name."""
    return "".join(
        letter if letter.isalnum() or letter in UDEV_SAFE or ord(letter) > 127
        else "".join(f"\\x{byte:02x}" for byte in letter.encode())
        for letter in value
    )  # fmt: skip


def _text(one: FstabMount) -> str:
    """The unit's file. Only what decides whether it is mounted is written."""
    entry = one.entry
    requires = [_dependency(value) for value in entry.values_of("x-systemd.requires")]
    lines = ["[Unit]", f"SourcePath={FSTAB}"]
    lines += [f"Requires={name}\nAfter={name}" for name in requires if name is not None]
    lines += [f"RequiresMountsFor={_quoted(p)}" for p in entry.values_of("x-systemd.requires-mounts-for")]
    if entry.type == SWAP:
        return "\n".join([*lines, "[Swap]", f"What={_quoted(one.what)}", f"Options={_options(entry)}", ""])
    kind = [f"Type={_quoted(entry.type)}"] if entry.type not in {"", "auto"} else []
    place = [f"What={_quoted(one.what)}", f"Where={_quoted(one.where)}"]
    return "\n".join([*lines, "[Mount]", *place, *kind, f"Options={_options(entry)}", ""])


def _dependency(name: str) -> str | None:
    if name.startswith("/dev/"):
        return f"{escape_path(name)}.device"
    if name.startswith("/"):
        return f"{escape_path(name)}.mount"
    return name if is_unit_name(name) else f"{name}.mount" if is_unit_name(f"{name}.mount") else None


def _options(entry: FstabEntry) -> str:
    return _quoted(",".join(entry.options))


def _quoted(text: str) -> str:
    return text.replace("%", "%%").replace("\n", " ")
