"""An initramfs that is read for a kernel, and which disks it reaches."""

from collections.abc import Callable

from support.guest_tree import guest_tree
from support.initramfs_trees import (
    Tree,
    dracut,
    initramfs_tools,
    mkinitcpio,
    mkinitfs,
    packed,
)
from support.kmod import DIRECTORY, VERSION, elf_module

from imgtool.guest.initramfs.facts import InitramfsUse, read_initramfs
from imgtool.guest.kernels import InstalledKernel
from imgtool.model.kernel import MODULES_OF_INTEREST, Initramfs

KERNEL = InstalledKernel(
    version=VERSION,
    directory=DIRECTORY,
    image=None,
    flavour=None,
    modules=dict.fromkeys(MODULES_OF_INTEREST, "module"),
    evidence={},
    dependencies={
        "virtio_blk": ("virtio", "virtio_ring"),
        "virtio_pci": ("virtio", "virtio_ring"),
        "ext4": ("jbd2", "mbcache"),
        "xfs": ("libcrc32c",),
        "raid1": ("md_mod",),
    },
    builtin=frozenset(),
    config={},
    needing_crc32c=frozenset({"ext4", "libcrc32c"}),
    crc32c_modules=frozenset({"crc32c_generic", "crc32c_intel"}),
)
MADE: dict[str, Callable[[], Tree]] = {
    "initramfs-tools": initramfs_tools,
    "dracut": dracut,
    "mkinitcpio": mkinitcpio,
    "mkinitfs": mkinitfs,
}
WHOLE = elf_module()


def read(
    tree: Tree | bytes, options: str = "", root: str = "ext4", kernel: InstalledKernel = KERNEL, **use: bool
) -> Initramfs:
    data = tree if isinstance(tree, bytes) else packed(tree)
    files = {f"/boot/initrd.img-{VERSION}": data}
    found = read_initramfs(
        guest_tree(files), kernel, None, use=InitramfsUse(root, options=options, **use)
    ).value
    assert found is not None
    return found


def reaches(found: Initramfs) -> tuple[bool, bool]:
    """By virtio-blk, and by virtio-scsi."""
    assert found.problem is None
    base = not found.stops and all(found.modules[name] == "module" for name in ("virtio_pci", "ext4"))
    blk = found.modules["virtio_blk"] == "module"
    scsi = all(found.modules[name] == "module" for name in ("virtio_scsi", "sd_mod"))
    return base and blk, base and scsi
