"""The installed kernels and their modules: the directories of /usr/lib/modules."""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.tree import GuestTree
from imgtool.guest.version_order import version_key
from imgtool.model.kernel import MODULES_OF_INTEREST, ModuleState
from imgtool.util.text import printable

MODULE_DIRECTORIES = ("/usr/lib/modules", "/lib/modules")
"""One and the same where /usr is merged; then each kernel counts once."""

MAX_KERNELS = 64
"""Directories of kernels that are looked into."""

MODULE_SUFFIX = re.compile(r"\.ko(\.gz|\.xz|\.zst)?$")

CONFIG_SYMBOLS = {
    "virtio": "CONFIG_VIRTIO",
    "virtio_ring": "CONFIG_VIRTIO",
    "virtio_pci": "CONFIG_VIRTIO_PCI",
    "virtio_blk": "CONFIG_VIRTIO_BLK",
    "virtio_scsi": "CONFIG_SCSI_VIRTIO",
    "sd_mod": "CONFIG_BLK_DEV_SD",
    "virtio_net": "CONFIG_VIRTIO_NET",
    "virtio_console": "CONFIG_VIRTIO_CONSOLE",
    "virtio_balloon": "CONFIG_VIRTIO_BALLOON",
    "virtio_rng": "CONFIG_HW_RANDOM_VIRTIO",
    "virtio_gpu": "CONFIG_DRM_VIRTIO_GPU",
    "ext4": "CONFIG_EXT4_FS",
    "xfs": "CONFIG_XFS_FS",
    "btrfs": "CONFIG_BTRFS_FS",
    "dm_mod": "CONFIG_BLK_DEV_DM",
    "raid1": "CONFIG_MD_RAID1",
    "ahci": "CONFIG_SATA_AHCI",
    "ata_piix": "CONFIG_ATA_PIIX",
    "sr_mod": "CONFIG_BLK_DEV_SR",
    "isofs": "CONFIG_ISO9660_FS",
}
"""The symbol whose `y` builds a module in: the `obj-$(CONFIG_...)` lines of the kernel's Makefiles."""

_IMAGES = (
    *("/boot/vmlinuz-{0}", "{1}/vmlinuz", "/boot/vmlinux-{0}", "/boot/Image-{0}", "/boot/kernel-{0}"),
    "/run/booted-system/kernel",  # NixOS
)
_IMAGES_BY_FLAVOUR = ("/boot/vmlinuz-{0}", "/boot/vmlinux-{0}")
_CONFIGS = ("/boot/config-{0}", "{1}/config", "{1}/build/.config")


@dataclass(frozen=True, slots=True)
class InstalledKernel:
    """One kernel as it is installed, before it is known whether it boots."""

    version: str
    directory: str
    """Its directory of modules, links resolved."""
    image: str | None
    flavour: str | None
    """The name that its files in /boot carry where it is not the version: Arch's `linux`, Alpine's `lts`."""
    modules: Mapping[str, ModuleState]
    evidence: Mapping[str, str]
    dependencies: Mapping[str, tuple[str, ...]]
    """For each module of interest, the modules that modules.dep says it needs."""
    builtin: frozenset[str]
    config: Mapping[str, str]
    """The build configuration: symbol to `y`, `m` or a value; empty where it is not there."""
    needing_crc32c: frozenset[str] = frozenset()
    """Modules with a soft dependency on crc32c: modules.softdep."""
    crc32c_modules: frozenset[str] = frozenset()
    """Modules that modules.alias names for it."""
    machines: frozenset[str] = frozenset()
    """For which of these its modules are made; empty where that is not known."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """Where one kernel's modules show."""

    directory: str
    files: Mapping[str, str]
    """Name to path."""
    builtin: frozenset[str] | None
    config_path: str
    config: Mapping[str, str]


def find_kernels(tree: GuestTree, extra_modules: Sequence[str] = ()) -> tuple[InstalledKernel, ...]:
    """All installed kernels, newest first. Raises GuestReadError where they cannot be listed.

    `extra_modules` are looked for besides MODULES_OF_INTEREST.
    """
    wanted = tuple(dict.fromkeys((*MODULES_OF_INTEREST, *extra_modules)))
    found: dict[str, InstalledKernel] = {}
    for directory in _kernel_directories(tree):
        kernel = _read_kernel(tree, directory, wanted)
        if kernel is not None:
            found.setdefault(kernel.version, kernel)
    return tuple(sorted(found.values(), key=lambda kernel: version_key(kernel.version), reverse=True))


def module_name(path: str) -> str | None:
    """The module in the file `path` by the name that lsmod prints; None where it is no module's file."""
    name, found = MODULE_SUFFIX.subn("", posixpath.basename(path))
    return name.replace("-", "_") if found else None


def _kernel_directories(tree: GuestTree) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for top in MODULE_DIRECTORIES:
        for name in tree.names(top):
            path = tree.resolve(posixpath.join(top, name))
            if path is not None and tree.is_directory(path):
                found[path] = None
    if len(found) > MAX_KERNELS:
        raise GuestReadError(f"/usr/lib/modules: more than {MAX_KERNELS} kernels")
    return tuple(found)


def _read_kernel(tree: GuestTree, directory: str, wanted: Sequence[str]) -> InstalledKernel | None:
    """None where only leftovers of a removed kernel are there."""
    version = posixpath.basename(directory)
    flavour = _flavour(tree, directory)
    image = _image(tree, version, directory, flavour)
    if image is None and not tree.is_directory(posixpath.join(directory, "kernel")):
        return None
    config_path, config = _config(tree, version, directory)
    builtin = _builtin(tree, directory)
    files = dict(_module_files(tree, directory, wanted))
    states, evidence = _modules(wanted, _Seen(directory, files, builtin, config_path, config))
    dependencies = _dependencies(tree, directory)
    needing = _needing_crc32c(tree, directory)
    return InstalledKernel(
        version,
        directory,
        image,
        flavour,
        states,
        evidence,
        dependencies,
        builtin or frozenset(),
        config,
        needing,
        _crc32c_modules(tree, directory) if needing else frozenset(),
    )


def _flavour(tree: GuestTree, directory: str) -> str | None:
    """Arch names it in the file `pkgbase`; Alpine's versions end in it (6.6.32-0-lts)."""
    text = tree.read_text(posixpath.join(directory, "pkgbase"))
    name = text.strip() if text is not None else posixpath.basename(directory).rpartition("-")[2]
    return name if re.fullmatch(r"[A-Za-z][A-Za-z0-9._-]*", name) else None


def _image(tree: GuestTree, version: str, directory: str, flavour: str | None) -> str | None:
    paths = [pattern.format(version, directory) for pattern in _IMAGES]
    if flavour is not None:
        paths += [pattern.format(flavour) for pattern in _IMAGES_BY_FLAVOUR]
    return next((path for path in paths if tree.is_file(path)), None)


def _config(tree: GuestTree, version: str, directory: str) -> tuple[str, dict[str, str]]:
    for pattern in _CONFIGS:
        path = pattern.format(version, directory)
        text = tree.read_text(path)
        if text:
            lines = (line.partition("=") for line in text.splitlines() if line.startswith("CONFIG_"))
            return path, {symbol: value for symbol, _, value in lines}
    return "", {}


def _builtin(tree: GuestTree, directory: str) -> frozenset[str] | None:
    """Names of the modules that are built in; None where the kernel's list is missing."""
    text = tree.read_text(posixpath.join(directory, "modules.builtin"))
    if text is None:
        return None
    return frozenset(name for name in map(module_name, text.splitlines()) if name is not None)


def _modules(wanted: Sequence[str], seen: _Seen) -> tuple[dict[str, ModuleState], dict[str, str]]:
    states: dict[str, ModuleState] = {}
    evidence: dict[str, str] = {}
    for name in wanted:
        states[name], where = _module(name, seen)
        if where:
            evidence[name] = printable(where)
    return states, evidence


def _module(name: str, seen: _Seen) -> tuple[ModuleState, str]:
    symbol = CONFIG_SYMBOLS.get(name)
    if seen.builtin is not None and name in seen.builtin:
        return "builtin", f"{seen.directory}/modules.builtin"
    if symbol is not None and seen.config.get(symbol) == "y":
        return "builtin", f"{seen.config_path}: {symbol}=y"
    if name in seen.files:
        return "module", seen.files[name]
    known_builtin = seen.builtin is not None or (symbol is not None and bool(seen.config))
    return ("missing" if known_builtin else "unknown"), ""


def _module_files(tree: GuestTree, directory: str, wanted: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Name and path of each wanted module that is there as a file."""
    names = frozenset(wanted)
    for path in _below(tree, directory):
        name = module_name(path)
        if name in names and tree.size_bytes(path) > 0:
            yield name, path


def _below(tree: GuestTree, directory: str) -> Iterator[str]:
    """All files; `kernel` may be a link to where they really are, as it is on NixOS."""
    yield from tree.walk(directory)
    linked = posixpath.join(directory, "kernel")
    if tree.is_link(linked):
        yield from tree.walk(linked)


def _needing_crc32c(tree: GuestTree, directory: str) -> frozenset[str]:
    """Read modules.softdep, where depmod gathers what modules say: `softdep ext4 pre: crc32c`."""
    text = tree.read_text(posixpath.join(directory, "modules.softdep")) or ""
    lines = (line.split() for line in text.splitlines() if "crc32c" in line and line.startswith("softdep"))
    return frozenset(
        words[1].replace("-", "_") for words in lines if {"crc32c", "crypto-crc32c"}.intersection(words[2:])
    )


def _crc32c_modules(tree: GuestTree, directory: str) -> frozenset[str]:
    text = tree.read_text(posixpath.join(directory, "modules.alias")) or ""
    return frozenset(re.findall(r"^alias (?:crypto-)?crc32c (\w+)$", text, re.MULTILINE))


def _dependencies(tree: GuestTree, directory: str) -> dict[str, tuple[str, ...]]:
    """modules.dep lists for each module all others that it needs, directly or not: depmod(8)."""
    text = tree.read_text(posixpath.join(directory, "modules.dep")) or ""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        path, _, needed = line.partition(":")
        name = module_name(path)
        if name in CONFIG_SYMBOLS:
            found[name] = tuple(n for n in map(module_name, needed.split()) if n is not None)
    return found
