"""Whether the root file system takes what a larger disk gives: its place on the disk, and who grows it.

Sources: cloud-init's cc_growpart.py and cc_resizefs.py; growpart(1) and the script itself, for the programs
that it calls; repart.d(5), systemd-repart(8), systemd-growfs@.service(8); the growroot and kiwi-repart
modules of dracut, and initramfs-tools' growroot: kiwi-repart alone grows the file system as well.
"""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from imgtool.guest.cloud_init.config import CloudConfig, is_off, is_on
from imgtool.guest.exec_command import located
from imgtool.guest.fact import value_of
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.fstab import all_entries
from imgtool.guest.mbr import FIRST_LOGICAL
from imgtool.guest.systemd import BOOT_TARGETS, is_null, mask_of, wants_link
from imgtool.guest.tree import GuestTree
from imgtool.guest.volumes import DiskLayout, Volume
from imgtool.guest.yaml_values import Value
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.model.kernel import Initramfs
from imgtool.model.services import CloudInitFacts
from imgtool.util.text import printable

IN_THE_INITRAMFS = (
    "/usr/share/initramfs-tools/scripts/local-bottom/growroot",
    "/usr/share/initramfs-tools/scripts/local-premount/growroot",
)
DRACUT_MODULES = "/usr/lib/dracut/modules.d"
DRACUT_GROWERS = ("growroot", "kiwi-repart")
GROWS_BOTH = "kiwi"
"""What in a path tells the one that grows the file system, too."""
REPART_UNIT = "systemd-repart.service"
GROWFS_UNITS = ("systemd-growfs-root.service", "systemd-growfs@-.service")
GROWFS_WANTED_BY = ("-.mount", "local-fs.target")
FSTAB = "/etc/fstab"
MAX_FSTAB_BYTES = 256 << 10
REPART = "/usr/bin/systemd-repart"
REPART_DIRECTORIES = ("/etc/repart.d", "/usr/local/lib/repart.d", "/usr/lib/repart.d")
MAX_DEFINITIONS = 100
MAX_DEFINITION_BYTES = 64 << 10
GROWPART_UNIT, GROWPART_WANTED_BY = "growpart.service", "-.mount"
"""NixOS' own way: nixos/modules/system/boot/grow-partition.nix."""
SWITCHED_OFF = "/etc/growroot-disabled"
"""cloud-init and the growroot scripts leave the disk alone where this file is."""
GROWN = (SWITCHED_OFF, "/etc/growroot-grown", "/var/lib/cloud/instance/root-grown")
"""With one of these, the growroot scripts of the initramfs leave the disk alone."""
MODES = frozenset({"auto", "growpart"})
"""Of growpart's `mode`: the others are for BSD."""
NEEDED = ("flock", "partx", "awk", "sed", "grep")
"""Programs that growpart does nothing without."""
RESIZERS = {"ext": "resize2fs", "xfs": "xfs_growfs", "btrfs": "btrfs", "bcachefs": "bcachefs"}
"""What cloud-init grows a file system with, by how its type begins."""


def read_root_is_last(layout: DiskLayout, root: Volume) -> Known[bool]:
    """Whether nothing stands between the partition of `root` and the end of the disk."""
    ours = [partition for partition in layout.partitions if partition.number in root.partitions]
    if not ours:
        return Known(value=True, evidence="the disk has no partition table")
    last = max(ours, key=lambda partition: partition.start_bytes)
    behind = next((one for one in layout.partitions if one.start_bytes > last.start_bytes), None)
    if behind is not None:
        return Known(value=False, evidence=f"{behind.name} stands behind {last.name}, which holds the root")
    if layout.scheme == "mbr" and last.number >= FIRST_LOGICAL:
        frame = "the extended partition around it does not grow"
        return Known(value=False, evidence=f"{last.name}, which holds the root, is a logical one: {frame}")
    return Known(value=True, evidence=f"{last.name}, which holds the root, is the last one of the disk")


@dataclass(frozen=True, slots=True)
class GrowingRoot:
    """The root that is to grow."""

    filesystem: str = ""
    scheme: str = "gpt"
    """The kind of partition table."""
    initramfs: Initramfs | None = None
    """That of the kernel that boots; None where it has none, or where that is not known."""


@dataclass(frozen=True, slots=True)
class _Grower:
    """What grows the partition without cloud-init."""

    place: str
    with_filesystem: bool = True


def read_can_grow(
    tree: GuestTree, cloud: CloudInitFacts, config: Fact[CloudConfig], root: GrowingRoot = GrowingRoot()
) -> Known[bool]:
    """Whether the first boot grows the root's partition and its file system, and by what.

    Raises GuestReadError where that depends on what could not be read.
    """
    others = list(_without_cloud_init(tree, root.initramfs))
    whole = next((one for one in others if one.with_filesystem), None)
    if whole is not None:
        return Known(value=True, evidence=whole.place)
    growpart = "resizefs" if root.scheme == "none" or others else located(tree, "growpart")
    if growpart is None or (growpart != "resizefs" and tree.size_bytes(growpart) == 0):
        return Known(value=False, evidence="no /usr/bin/growpart, and nothing else that grows a partition")
    missing = next(_missing_programs(tree, growpart, root), None)
    if missing is not None:
        return Known(value=False, evidence=missing)
    found = _by_cloud_init(tree, cloud, config, growpart)
    if not others:
        return found
    part = others[0].place
    if found.value:
        return Known(value=True, evidence=f"{part}; {found.evidence}")
    evidence = f"{part} grows the partition alone, and nothing its file system: {found.evidence}"
    return Known(value=False, evidence=evidence)


def _without_cloud_init(tree: GuestTree, initramfs: Initramfs | None) -> Iterator[_Grower]:
    if not any(map(tree.exists, GROWN)):
        yield from (_Grower(path, GROWS_BOTH in path) for path in _in_the_initramfs(tree, initramfs))
    own = wants_link(tree, GROWPART_UNIT, (GROWPART_WANTED_BY, *BOOT_TARGETS))
    if own is not None:
        yield _Grower(own)
    if tree.is_executable(REPART) and tree.size_bytes(REPART) > 0 and mask_of(tree, REPART_UNIT) is None:
        grows_both = systemd_grows_the_filesystem(tree)
        yield from (_Grower(path, grows_both) for path in _definitions(tree) if _grows_the_root(tree, path))


def _in_the_initramfs(tree: GuestTree, initramfs: Initramfs | None) -> Iterator[str]:
    """What is in the one that boots, where that was read; else what would get into one that is made here."""
    if initramfs is not None and initramfs.problem is None:
        yield from initramfs.growers
        return
    yield from (path for path in IN_THE_INITRAMFS if tree.size_bytes(path) > 0)
    for name in tree.names(DRACUT_MODULES):
        if name.endswith(DRACUT_GROWERS):
            yield posixpath.join(DRACUT_MODULES, name)


def grows_before_cloud_init(tree: GuestTree) -> bool:
    """Whether the root's file system has become larger when cloud-init first writes to it."""
    return systemd_grows_the_filesystem(tree) or any(
        "kiwi-repart" in one for one in _in_the_initramfs(tree, None)
    )


def systemd_grows_the_filesystem(tree: GuestTree) -> bool:
    """Whether fstab, a link or (where fstab has no root) systemd-gpt-auto-generator starts systemd-growfs."""
    content = tree.read_bytes(FSTAB, MAX_FSTAB_BYTES) if tree.is_file(FSTAB) else None
    entries = all_entries((content or b"").decode("utf-8", "replace"))
    roots = [entry for entry in entries if entry.mount_point == "/"]
    if not roots or any("x-systemd.growfs" in entry.options for entry in roots):
        return True
    return any(wants_link(tree, unit, (*GROWFS_WANTED_BY, *BOOT_TARGETS)) for unit in GROWFS_UNITS)


def _definitions(tree: GuestTree) -> Iterator[str]:
    """The files that count: the first of each name."""
    found: dict[str, str] = {}
    for directory in REPART_DIRECTORIES:
        for name in tree.names(directory):
            if name.endswith(".conf"):
                found.setdefault(name, posixpath.join(directory, name))
    paths = sorted(found.values())[:MAX_DEFINITIONS]
    return (path for path in paths if not is_null(tree, path))


def _grows_the_root(tree: GuestTree, path: str) -> bool:
    """A partition of the root's type to which free space may go: a weight, and no largest size."""
    content = tree.read_bytes(path, MAX_DEFINITION_BYTES) if tree.is_file(path) else None
    values: dict[str, str] = {}
    for line in (content or b"").decode("utf-8", "replace").splitlines():
        key, equals, value = line.partition("=")
        if equals and not key.lstrip().startswith(("#", ";")):
            values[key.strip()] = value.strip()
    kind = values.get("Type", "")
    is_root = kind == "root" or (kind.startswith("root-") and "verity" not in kind)
    return is_root and values.get("Weight") != "0" and not values.get("SizeMaxBytes")


def _missing_programs(tree: GuestTree, growpart: str, root: GrowingRoot) -> Iterator[str]:
    filesystem = root.filesystem
    if located(tree, "sh") is None:
        return  # growpart is a script of the shell: without one, something else is wrong first
    if growpart != "resizefs":
        yield from _missing_for_growpart(tree, growpart, root.scheme)
    resizer = next((name for begin, name in RESIZERS.items() if filesystem.startswith(begin)), None)
    if resizer is not None and not _runs(tree, resizer):
        yield f"no {resizer}: the partition grows, its file system ({filesystem}) does not"
    if filesystem and resizer is None:
        yield f"cloud-init grows no file system of type {filesystem}"


def _missing_for_growpart(tree: GuestTree, growpart: str, scheme: str) -> Iterator[str]:
    if not tree.is_executable(growpart):
        yield f"{growpart} is not executable"
    tools = ("sfdisk",) if scheme == "mbr" else ("sfdisk", "sgdisk")
    if not any(_runs(tree, name) for name in tools):
        yield f"{growpart} needs {' or '.join(tools)}, which is not there: the partition does not grow"
    missing = next((name for name in NEEDED if not _runs(tree, name)), None)
    if missing is not None:
        yield f"{growpart} needs {missing}, which is not there"


def _runs(tree: GuestTree, name: str) -> bool:
    path = located(tree, name)
    return path is not None and tree.is_executable(path) and tree.size_bytes(path) > 0


def _by_cloud_init(
    tree: GuestTree, cloud: CloudInitFacts, config: Fact[CloudConfig], growpart: str
) -> Known[bool]:
    for what, fact in (("installed", cloud.installed), ("enabled", cloud.enabled)):
        if isinstance(fact, Unknown):
            raise GuestReadError(f"whether cloud-init is {what} is not known: {fact.reason}")
        if not fact.value:
            return Known(
                value=False, evidence=f"{growpart}, but cloud-init, which would call it: {fact.evidence}"
            )
    modules = ("resizefs",) if growpart == "resizefs" else ("growpart", "resizefs")
    obstacle = next(_obstacles(tree, value_of(config), modules), None)
    if obstacle is not None:
        return Known(value=False, evidence=obstacle)
    return Known(value=True, evidence=f"{growpart}, called by cloud-init")


def _obstacles(tree: GuestTree, config: CloudConfig, needed: tuple[str, ...]) -> Iterator[str]:
    """What in cloud-init's configuration keeps the partition or the file system from growing."""
    if "growpart" in needed:
        yield from _growpart_obstacles(tree, config)
    modules = config.modules
    arguments = modules.value.get("resizefs", ()) if modules is not None else ()
    if arguments or config.has("resize_rootfs"):
        resize: Value = arguments[0] if arguments else config.get("resize_rootfs")
        if not is_on(str(resize), "noblock"):
            yield f"{config.where('resize_rootfs')}: resize_rootfs: {printable(str(resize))}"
    if modules is None and not config.all_modules:
        yield "no cloud_init_modules in cloud-init's configuration: it calls neither growpart nor resizefs"
        return
    missing = [name for name in needed if name not in config.all_modules]
    if missing:
        where = modules.evidence if modules is not None else config.where("cloud_config_modules")
        yield f"{where} has no {' and no '.join(missing)}"


def _growpart_obstacles(tree: GuestTree, config: CloudConfig) -> Iterator[str]:
    settings = config.get("growpart") if config.has("growpart") else {}
    where = config.where("growpart")
    if not isinstance(settings, dict):
        yield f"{where}: growpart is no mapping, so that it does nothing"
        return
    mode = settings.get("mode", "auto")
    if is_off(mode) or str(mode) not in MODES:
        yield f"{config.where('growpart', 'mode')}: growpart: mode: {printable(_shown(mode))}"
    if is_off(settings.get("ignore_growroot_disabled", False)) and tree.is_file(SWITCHED_OFF):
        yield f"{SWITCHED_OFF} is there"
    devices = settings.get("devices", ["/"])
    listed = devices if isinstance(devices, list) else [] if devices is None else [devices]
    if "/" not in listed:
        named = ", ".join(printable(str(one)) for one in listed[:20]) or "none"
        if any(str(one).startswith("/dev/") for one in listed):
            raise GuestReadError(f"{where}: growpart grows {named}: whether that is the root is not known")
        yield f"{where}: growpart: devices: {named}"


def _shown(value: Value) -> str:
    return "off" if value is False else str(value)
