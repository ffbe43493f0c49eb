"""Whether a file system was unmounted: no journal or log has to be replayed, no mark says that it is in use.

Sources: the kernel's Documentation/filesystems/ext4 (superblock); struct btrfs_super_block; Microsoft's FAT
specification and fs/fat/inode.c (fat_set_state); for XFS see xfs_log.py.
"""

from collections.abc import Callable
from typing import BinaryIO

from imgtool.guest.filesystems import btrfs, ntfs
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.ext_layout import SUPERBLOCK
from imgtool.guest.filesystems.superblock import HEAD_BYTES, number
from imgtool.guest.filesystems.xfs_log import log_is_clean
from imgtool.model.facts import Known

EXT_NEEDS_RECOVERY = 0x4
EXT_VALID, EXT_ERRORS = 0x1, 0x2
BTRFS_LOG_ROOT = btrfs.SUPERBLOCK + 0x60
FAT16_STATE, FAT32_STATE = 37, 65
FAT_DIRTY = 0x1
NEVER_WRITTEN = frozenset({"squashfs", "erofs", "iso9660"})
NEVER_MOUNTED = frozenset({"swap", "LVM2_member"})


def read_clean(kind: str, stream: BinaryIO, size_bytes: int) -> Known[bool]:
    """Whether the file system of the type `kind` at the start of `stream` was unmounted.

    Raises GuestReadError where that cannot be told.
    """
    if kind in NEVER_WRITTEN:
        return Known(value=True, evidence=f"{kind} is never written to")
    if kind in NEVER_MOUNTED:
        return Known(value=True, evidence=f"{kind} is not mounted")
    reader = _READERS.get(kind)
    if reader is None:
        raise GuestReadError(f"{kind} is not read")
    stream.seek(0)
    return reader(stream.read(min(HEAD_BYTES, size_bytes)), stream)


def _ext(head: bytes, _stream: BinaryIO) -> Known[bool]:
    state = number(head, SUPERBLOCK + 0x3A, "<H")
    if number(head, SUPERBLOCK + 0x60, "<I") & EXT_NEEDS_RECOVERY:
        return Known(value=False, evidence="superblock: needs_recovery")
    if state & EXT_ERRORS:
        return Known(value=False, evidence="superblock: errors were detected")
    if not state & EXT_VALID:
        return Known(value=False, evidence="superblock: not cleanly unmounted")
    return Known(value=True, evidence="superblock: clean, and no needs_recovery")


def _xfs(head: bytes, stream: BinaryIO) -> Known[bool]:
    if log_is_clean(head, stream):
        return Known(value=True, evidence="its log ends in an unmount record")
    return Known(value=False, evidence="its log does not end in an unmount record")


def _btrfs(head: bytes, _stream: BinaryIO) -> Known[bool]:
    if number(head, BTRFS_LOG_ROOT, "<Q"):
        return Known(value=False, evidence="superblock: log_root names a log tree to replay")
    return Known(value=True, evidence="superblock: no log tree")


def _vfat(head: bytes, _stream: BinaryIO) -> Known[bool]:
    """Only FAT32 leaves the 16-bit size of its table zero: where the state is depends on it."""
    state = head[FAT16_STATE if number(head, 22, "<H") else FAT32_STATE]
    if state & FAT_DIRTY:
        return Known(value=False, evidence="boot sector: the dirty bit is set")
    return Known(value=True, evidence="boot sector: the dirty bit is not set")


def _ntfs(head: bytes, stream: BinaryIO) -> Known[bool]:
    filesystem = ntfs.probe(head, stream)
    if filesystem is None:
        raise GuestReadError("it is no NTFS")
    reason = filesystem.what_is_unclean()
    return Known(value=reason is None, evidence=reason or "$Volume is not dirty, and $LogFile is at rest")


_READERS: dict[str, Callable[[bytes, BinaryIO], Known[bool]]] = {
    "ext2": _ext,
    "ext3": _ext,
    "ext4": _ext,
    "xfs": _xfs,
    "btrfs": _btrfs,
    "vfat": _vfat,
    "ntfs": _ntfs,
}
