"""A kernel's modules with the indexes of depmod, as files of a guest or of an initramfs."""

import sys
from collections.abc import Mapping

from support.fixtures import FIXTURES

sys.path.insert(0, str(FIXTURES / "recipe"))

from binaries import elf, index, indexes
from binaries import elf_module as _elf_module

__all__ = ["DIRECTORY", "VERSION", "elf", "elf_module", "index", "modules"]

VERSION = "6.1.0-41-amd64"
DIRECTORY = f"/usr/lib/modules/{VERSION}"

NEEDS: Mapping[str, tuple[str, ...]] = {
    "virtio_ring": ("virtio",),
    **dict.fromkeys(
        ("virtio_pci", "virtio_net", "virtio_blk", "virtio_console", "virtio_balloon"),
        ("virtio_ring", "virtio"),
    ),
    "virtio_scsi": ("scsi_mod", "virtio_ring", "virtio"),
    "sd_mod": ("scsi_mod",),
    "ext4": ("jbd2", "mbcache"),
    "xfs": ("libcrc32c",),
    "raid1": ("md_mod",),
}


def elf_module(size: int = 512) -> bytes:
    """A module of this size, whole."""
    return _elf_module("module", size)


def modules(*names: str, directory: str = DIRECTORY, suffix: str = ".ko") -> dict[str, bytes]:
    """The files of these modules and the indexes that name them: guest path to content."""
    paths = {name: f"kernel/{name}{suffix}" for name in names}
    return {
        **{f"{directory}/{path}": elf_module() for path in paths.values()},
        **{f"{directory}/{name}": content for name, content in indexes(paths, NEEDS).items()},
        f"{directory}/modules.builtin": b"kernel/fs/configfs/configfs.ko\n",
    }
