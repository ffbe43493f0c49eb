"""Which file system is the root: the boot decides, and not that a file stands somewhere.

The kernel's command line names the root by `root=` and `rootflags=` (bootparam(7), dracut.cmdline(7)), or
leaves it to the types of the partitions (systemd-gpt-auto-generator(8), Discoverable Partitions
Specification). Where the command line is not known, a disk still decides by itself as a rule: one system
only; a chroot that another one's fstab mounts is data; a copy whose fstab names another device as `/` is not
what boots.

On Btrfs the subvolume is what `rootflags=` names, else the default one, else the one that an fstab in it
names as `/`: btrfs(5), fstab(5).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from imgtool.guest.arrangements import Arrangement, arrange, is_arranged
from imgtool.guest.device import Device
from imgtool.guest.filesystems.base import Filesystem, GuestReadError, Kind, Node
from imgtool.guest.filesystems.btrfs import MAX_SUBVOLUMES, BtrfsFilesystem
from imgtool.guest.filesystems.rootless import ENCRYPTED_TYPES
from imgtool.guest.fstab import FstabEntry, comma_option, device_name, parse_fstab
from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.guest.partitions import FLATCAR_USR_GUID, ROOT_GUIDS, USR_GUIDS
from imgtool.guest.tree import EmptyDirectory, GuestTree
from imgtool.guest.version_order import VersionKey, version_key
from imgtool.guest.windows.locate import is_windows
from imgtool.util.text import enumerated, printable

OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")
OLD_RELEASES = ("/etc/redhat-release", "/etc/SuSE-release", "/etc/debian_version", "/etc/issue")
"""What distributions had before os-release(5) of 2012: RHEL 6, SLES 11, Debian 6, Ubuntu 10.04."""
INITS = ("/sbin/init", "/etc/init", "/bin/init", "/usr/lib/systemd/systemd", "/lib/systemd/systemd", "/init")
"""What the kernel starts (run_init_process in init/main.c), and what an initramfs looks for besides."""
MAX_ROOTS = 50
"""Systems of one disk that are compared with one another: A and B, snapshots, a chroot or two."""
NEVER_A_ROOT = frozenset({"swap", "LVM2_member", "jbd"})
USR_OPTIONS = ("mount.usr", "verity.usr", "systemd.verity_usr_data", "usr")
"""What names /usr: systemd-fstab-generator(8), systemd-veritysetup-generator(8), and Flatcar's initramfs."""
BY_TYPE = frozenset({"gpt-auto", "/dev/gpt-auto-root", "gpt-auto-force"})
"""Values of root= that leave it to the partitions' types."""


class NoSystemError(GuestReadError):
    """No system was found, and where part of the disk could not be looked at, why not."""


@dataclass(frozen=True, slots=True)
class Root:
    """The top of a system, and where that is."""

    device: Device
    place: str
    """For people: `partition 3`, `partition 3, subvolume @`."""
    node: Node
    kind: Literal["linux", "windows"] = "linux"
    subvolume: str | None = None
    """Of Btrfs the path from the top level; None for the default one, and on other file systems."""
    is_named: bool = False
    """The command line says which subvolume it is: fstab's word comes too late."""
    arrangement: Arrangement | None = None
    """How the boot puts it together, where it is not a root as it stands; `node` is then its top."""

    @property
    def tree(self) -> GuestTree:
        """The files of this file system alone."""
        return GuestTree({"/": self.node})


def choose_root(devices: Sequence[Device], problems: Sequence[str], options: str | None = None) -> Root:
    """The root that boots.

    `problems` are the reasons why other volumes could not be looked at; `options` is the command line of the
    entry that boots, None where it is not known. Raises GuestReadError where there is no system, or where
    nothing decides between two.
    """
    found: list[Root] = []
    unreadable = list(problems)
    for device in devices:
        if device.filesystem.type in NEVER_A_ROOT:
            continue
        try:
            found.extend(_arranged(root, options, devices) for root in _roots(device, options))
        except GuestReadError as error:
            unreadable.append(f"{device.volume.name}: {error}")
    if not found:
        alone = _root_beside_usr(devices, options)
        if alone is None:
            raise NoSystemError(_nothing_found(devices, unreadable))
        return alone
    if len(found) == 1:
        return found[0]
    return _decide(found, devices, options)


def read_fstab(root: Node) -> tuple[FstabEntry, ...]:
    """The entries of the fstab below `root` that mount something."""
    return parse_fstab(GuestTree({"/": root}).read_text("/etc/fstab") or "")


def missing_subvolume(filesystem: Filesystem, options: Sequence[str]) -> str | None:
    """`subvol=` among mount options, where Btrfs has no subvolume of that path: btrfs(5); else None."""
    path = next((one[7:] for one in reversed(options) if one.startswith("subvol=")), None)
    if path is None or not isinstance(filesystem, BtrfsFilesystem):
        return None
    known = filesystem.subvolumes()
    return None if path.strip("/") in {"", *known} or len(known) >= MAX_SUBVOLUMES else path


def named_subvolume(filesystem: BtrfsFilesystem, path: str | None, number: str | None) -> Node | None:
    """The subvolume that `subvol=` or `subvolid=` names; None where neither does."""
    if path is not None:
        return filesystem.root(path)
    return filesystem.subvolume_by_id(int(number)) if number is not None and number.isdecimal() else None


def is_system(node: Node) -> bool:
    """Whether a Linux system's root is here: a release file, or an fstab beside programs."""
    tree = GuestTree({"/": node})
    if any(map(tree.is_file, OS_RELEASE)):
        return True
    programs = tree.is_directory("/usr") or tree.is_directory("/bin")
    return is_arranged(node) or (programs and any(map(tree.is_file, ("/etc/fstab", *OLD_RELEASES))))


# ---------------------------------------------------------------- /usr on a partition of its own


def usr_device(devices: Sequence[Device], options: str | None = None) -> Device | None:
    """The file system with /usr, where a partition of its own has one; None where none has.

    The command line names it (USR_OPTIONS); of several the label with the newest version counts, as for
    systemd-dissect(1). Raises GuestReadError where two have the same label, and of Flatcar's two, between
    which GRUB chooses by priorities in the partition table.
    """
    with_usr = [device for device in devices if _is_usr(device)]
    for option in USR_OPTIONS if options is not None else ():
        name = device_name(parse_command_line(options or "").value(option) or "")
        named = [device for device in with_usr if device.is_named(name)]
        if len(named) == 1:
            return named[0]
    if len(with_usr) < 2:
        return with_usr[0] if with_usr else None
    newest = sorted(with_usr, key=_label_version)[-2:]
    if _label_version(newest[0]) == _label_version(newest[1]) or _is_flatcar(newest[0]):
        names = enumerated([device.volume.name for device in with_usr])
        raise GuestReadError(f"more than one /usr is on this disk ({names}): it is not clear which one boots")
    return newest[1]


def _is_usr(device: Device) -> bool:
    if device.partition is None or device.partition.type not in {*USR_GUIDS, FLATCAR_USR_GUID}:
        return False
    try:
        return GuestTree({"/": device.filesystem.root()}).is_file("/lib/os-release")
    except GuestReadError:
        return False


def _is_flatcar(device: Device) -> bool:
    return device.partition is not None and device.partition.type == FLATCAR_USR_GUID


def _label_version(device: Device) -> VersionKey:
    return version_key((device.partition.label if device.partition else None) or "")


def _root_beside_usr(devices: Sequence[Device], options: str | None) -> Root | None:
    """A root that is nearly empty until its first boot, beside a /usr; None where there is no such /usr.

    It is what root= names, else the partition of that type, else one with the label ROOT (Flatcar); where
    there is none, systemd-repart(8) makes it at the first boot.
    """
    usr = usr_device(devices, options)
    if usr is None:
        return None
    named = device_name(_plain(parse_command_line(options or "").value("root") or "LABEL=ROOT"))
    roots = [device for device in devices if device.is_named(named)]
    roots += [device for device in devices if device.partition and device.partition.type in ROOT_GUIDS]
    if not roots:
        return Root(usr, f"{usr.volume.name}, which is /usr alone", EmptyDirectory())
    return Root(roots[0], roots[0].volume.name, roots[0].filesystem.root())


# ---------------------------------------------------------------- the systems of one device


def _roots(device: Device, options: str | None) -> list[Root]:
    """The systems on this device; more than one on Btrfs only."""
    name = device.volume.name
    filesystem = device.filesystem
    if isinstance(filesystem, BtrfsFilesystem) and options is not None:
        named = _by_rootflags(filesystem, options)
        if named is not None:
            return [Root(device, f"{name}, the subvolume of rootflags=", named, is_named=True)]
    node = filesystem.root()
    if is_windows(filesystem.type, node):
        return [Root(device, name, node, "windows")]
    if is_system(node):
        return [Root(device, name, node)]
    return _in_subvolumes(device, filesystem) if isinstance(filesystem, BtrfsFilesystem) else []


def _arranged(root: Root, options: str | None, devices: Sequence[Device]) -> Root:
    """Return the same, put together as the boot does it."""
    if root.kind == "windows":
        return root
    found = arrange(root.node, options, devices)
    return root if found is None else replace(root, node=found.node, arrangement=found, is_named=True)


def _by_rootflags(filesystem: BtrfsFilesystem, options: str) -> Node | None:
    """None where no subvolume is named, or the named one is no system: then the boot stops for lack of it."""
    flags = parse_command_line(options).value("rootflags")
    try:
        named = named_subvolume(filesystem, comma_option(flags, "subvol"), comma_option(flags, "subvolid"))
    except GuestReadError:
        return None
    return named if named is not None and is_system(named) else None


def _in_subvolumes(device: Device, filesystem: BtrfsFilesystem) -> list[Root]:
    """Return those that are systems; of a system and its snapshots the one that its own fstab means."""
    found = []
    for path in filesystem.subvolumes():
        node = filesystem.root(path)
        if node.kind is Kind.DIRECTORY and is_system(node):
            place = f"{device.volume.name}, subvolume {printable(path)}"
            found.append(Root(device, place, node, subvolume=path))
    meant = [root for root in found if _means_its_subvolume(root)]
    return meant if len(meant) == 1 else found


def _means_its_subvolume(root: Root) -> bool:
    entry = _root_entry(root)
    path = entry.option("subvol") if entry is not None else None
    return path is not None and path.strip("/") == root.subvolume


def _root_entry(root: Root) -> FstabEntry | None:
    try:
        return next((entry for entry in read_fstab(root.node) if entry.mount_point == "/"), None)
    except GuestReadError:
        return None


# ---------------------------------------------------------------- one of several

Rule = Callable[[Sequence[Root]], list[Root]]


def _decide(found: Sequence[Root], devices: Sequence[Device], options: str | None) -> Root:
    named = parse_command_line(options).value("root") if options is not None else None
    if named is not None and named not in BY_TYPE:
        meant = [root for root in found if root.device.is_named(device_name(_plain(named)))]
        if len(meant) == 1:
            return meant[0]
        if meant:
            raise _undecided(meant, f"root={printable(named)} names each of them")
    if len(found) > MAX_ROOTS:
        raise GuestReadError(f"{len(found)} systems are on this disk: it is not clear which one boots")
    rules: list[Rule] = [_not_mounted_by_another, _can_start, _named_by_itself]
    if options is not None and (named is None or named in BY_TYPE):
        rules.insert(0, _by_partition_type)
    left = list(found)
    for rule in rules:
        left = rule(left) or left
        if len(left) == 1:
            return left[0]
    raise _undecided(left, "it is not clear which one boots")


def _plain(name: str) -> str:
    """dracut's `block:` in front of a device means the device itself."""
    return name.removeprefix("block:").strip("'")


def _undecided(roots: Sequence[Root], why: str) -> GuestReadError:
    names = enumerated([root.place for root in roots])
    return GuestReadError(f"more than one system is on this disk ({names}): {why}")


def _by_partition_type(roots: Sequence[Root]) -> list[Root]:
    return [root for root in roots if root.device.partition and root.device.partition.type in ROOT_GUIDS]


def _not_mounted_by_another(roots: Sequence[Root]) -> list[Root]:
    """What another system mounts anywhere but at `/` is data of that system: a chroot, say."""
    return [root for root in roots if not any(_mounts(other, root) for other in roots if other is not root)]


def _mounts(other: Root, root: Root) -> bool:
    if other.device is root.device:
        return False
    try:
        entries = read_fstab(other.node)
    except GuestReadError:
        return False
    return any(e.mount_point != "/" and root.device.is_named(device_name(e.device)) for e in entries)


def _can_start(roots: Sequence[Root]) -> list[Root]:
    """Return those with an init; a link counts, wherever it leads: /usr may be a partition of its own."""
    return [root for root in roots if has_init(root.node)]


def has_init(node: Node) -> bool:
    """Whether an init is below `node`, or a link that may lead to one; so too where that cannot be read."""
    return _any_there(GuestTree({"/": node}), INITS)


def _any_there(tree: GuestTree, paths: Iterable[str]) -> bool:
    try:
        return any(tree.is_link(path) or tree.exists(path) for path in paths)
    except GuestReadError:
        return True


def _named_by_itself(roots: Sequence[Root]) -> list[Root]:
    """Return those whose fstab has their own device as `/`: a copy has the name of the other there."""
    entries = [(root, _root_entry(root)) for root in roots]
    return [root for root, entry in entries if entry and root.device.is_named(device_name(entry.device))]


# ---------------------------------------------------------------- none


def _nothing_found(devices: Sequence[Device], unreadable: Sequence[str]) -> str:
    if any(device.filesystem.type in ENCRYPTED_TYPES for device in devices):
        prefix = "no system can be read, and part of the disk is encrypted"
    elif devices or unreadable:
        prefix = "no Linux or Windows system was found on this disk"
    else:
        return "no known file system is on this disk"
    return f"{prefix} ({printable(enumerated(unreadable, '; '))})" if unreadable else prefix
