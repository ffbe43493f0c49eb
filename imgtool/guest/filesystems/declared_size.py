"""How large a file system says that it is, by its superblock: a disk that was cut short has less.

Linux mounts none that is larger than its device: fs/ext4/super.c (ext4_check_geometry), fs/xfs/xfs_mount.c
(xfs_check_sizes), fs/btrfs/volumes.c (read_one_dev), fs/ntfs3/super.c. It does not ask FAT.
"""

from collections.abc import Callable
from typing import BinaryIO

from imgtool.guest.filesystems import btrfs
from imgtool.guest.filesystems.ext_layout import SUPERBLOCK
from imgtool.guest.filesystems.rootless import LVM_LABEL_SECTORS
from imgtool.guest.filesystems.superblock import HEAD_BYTES, number

EXT_64BIT = 0x80
MAX_SHIFT = 6
BTRFS_DEVICE_BYTES = btrfs.SUPERBLOCK + 0xD1
"""total_bytes of the device that this superblock lies on (dev_item); the file system may have others."""
SECTOR = 512


def declared_bytes(kind: str, stream: BinaryIO, size_bytes: int) -> int | None:
    """Size in bytes of the file system of the type `kind` at the start of `stream`; None: it does not say."""
    reader = _READERS.get(kind)
    if reader is None:
        return None
    stream.seek(0)
    return reader(stream.read(min(HEAD_BYTES, size_bytes)))


def _ext(head: bytes) -> int | None:
    shift = number(head, SUPERBLOCK + 0x18, "<I")
    if shift > MAX_SHIFT:
        return None
    blocks = number(head, SUPERBLOCK + 0x4, "<I")
    if number(head, SUPERBLOCK + 0x60, "<I") & EXT_64BIT:
        blocks |= number(head, SUPERBLOCK + 0x150, "<I") << 32
    return blocks * (1024 << shift)


def _xfs(head: bytes) -> int:
    return number(head, 4, ">I") * number(head, 8, ">Q")


def _btrfs(head: bytes) -> int:
    return number(head, BTRFS_DEVICE_BYTES, "<Q")


def _vfat(head: bytes) -> int:
    return number(head, 11, "<H") * (number(head, 19, "<H") or number(head, 32, "<I"))


def _ntfs(head: bytes) -> int:
    return number(head, 11, "<H") * number(head, 0x28, "<Q")


def _squashfs(head: bytes) -> int:
    return number(head, 40, "<Q")


def _physical_volume(head: bytes) -> int | None:
    """device_size of the header behind the label: lvm2, lib/format_text/layout.h."""
    for start in range(0, LVM_LABEL_SECTORS * SECTOR, SECTOR):
        if head[start : start + 8] == b"LABELONE":
            offset = start + number(head, start + 20, "<I") + 32
            return number(head, offset, "<Q") if offset + 8 <= len(head) else None
    return None


_READERS: dict[str, Callable[[bytes], int | None]] = {
    "ext2": _ext,
    "ext3": _ext,
    "ext4": _ext,
    "xfs": _xfs,
    "btrfs": _btrfs,
    "vfat": _vfat,
    "ntfs": _ntfs,
    "squashfs": _squashfs,
    "LVM2_member": _physical_volume,
}
