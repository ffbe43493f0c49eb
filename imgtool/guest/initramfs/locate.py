"""Which initramfs files belong to a kernel."""

import posixpath
from dataclasses import dataclass

from imgtool.guest.bootloader.entry import BootEntry, located
from imgtool.guest.bootloader.run import LoadedEntry, LoaderFile
from imgtool.guest.kernels import InstalledKernel
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

_BY_VERSION = (
    "/boot/initrd.img-{0}",  # Debian, Ubuntu
    "/boot/initramfs-{0}.img",  # Red Hat, and dracut's default
    "/boot/initrd-{0}",  # SUSE
    "/boot/initramfs-{0}",
    "/boot/initrd.img-{0}.img",
)
_BY_FLAVOUR = ("/boot/initramfs-{0}.img", "/boot/initramfs-{0}", "/boot/initrd-{0}")  # Arch; Alpine
_BY_MACHINE = ("/boot", "/efi", "/boot/efi")  # kernel-install's layout: MACHINE-ID/VERSION/initrd


@dataclass(frozen=True, slots=True)
class InitramfsFiles:
    """Files that the boot loader loads one behind the other; none: the kernel starts without."""

    paths: tuple[str, ...]
    evidence: str
    """What names them; or where they were looked for."""
    unified: bool = False
    """The path is a unified kernel image, and the initramfs a section of it."""
    loaded: tuple[LoaderFile, ...] = ()
    """The same files as the boot loader finds them, one for each path; none: that is not known."""


def initramfs_files(
    tree: GuestTree, kernel: InstalledKernel, entry: BootEntry | None, loaded: LoadedEntry | None = None
) -> InitramfsFiles:
    """What the boot loader loads with this kernel, where it is `loaded`; else what its boot entry names.

    Without an entry, by the names that distributions use.
    """
    if loaded is not None and loaded.kernel is not None:
        return _by_loader(tree, loaded)
    if entry is not None:
        return _by_entry(tree, entry)
    tried = list(_usual_paths(tree, kernel))
    found = next((path for path in tried if tree.is_file(path)), None)
    if found is None:
        return InitramfsFiles((), f"none of {printable(', '.join(tried))} is there")
    return InitramfsFiles((found,), found)


def _by_loader(tree: GuestTree, loaded: LoadedEntry) -> InitramfsFiles:
    entry = loaded.entry
    where = f"{entry.source}: entry {printable(entry.title or entry.name)}"
    if not loaded.initrds:
        return InitramfsFiles((), f"{where} loads no initramfs")
    shown = tuple(located(tree, entry, file.path) or printable(str(file)) for file in loaded.initrds)
    return InitramfsFiles(shown, where, entry.unified, loaded.initrds)


def _by_entry(tree: GuestTree, entry: BootEntry) -> InitramfsFiles:
    if entry.unified:
        return InitramfsFiles((entry.linux,), entry.linux, unified=True)
    where = f"{entry.source}: entry {printable(entry.title or entry.name)}"
    named = tuple(path for path in entry.initrds if not path.startswith("$"))
    if not named:
        return InitramfsFiles((), f"{where} loads no initramfs")
    found = {path: located(tree, entry, path) for path in named}
    missing = [path for path, place in found.items() if place is None]
    if missing:
        return InitramfsFiles((), f"{where} loads {printable(missing[0])}, which is not there")
    return InitramfsFiles(tuple(place for place in found.values() if place is not None), where)


def _usual_paths(tree: GuestTree, kernel: InstalledKernel) -> tuple[str, ...]:
    paths = [pattern.format(kernel.version) for pattern in _BY_VERSION]
    if kernel.flavour is not None:
        paths += [pattern.format(kernel.flavour) for pattern in _BY_FLAVOUR]
    machine = (tree.read_text("/etc/machine-id") or "").strip()
    if machine and "/" not in machine:
        paths += [posixpath.join(top, machine, kernel.version, "initrd") for top in _BY_MACHINE]
    paths.append(posixpath.join(kernel.directory, "initrd"))
    return tuple(paths)
