"""The guest's file systems behind one interface (base.py): one file, one family.

Superblocks are read here; the library of a family is imported when its first directory is asked for.
"""

from typing import BinaryIO

from imgtool.guest.filesystems import btrfs, ext, fat, ntfs, rootless, xfs
from imgtool.guest.filesystems.base import Filesystem
from imgtool.guest.filesystems.superblock import HEAD_BYTES

__all__ = ["open_filesystem"]

PROBES = (rootless.probe, xfs.probe, btrfs.probe, ext.probe, ntfs.probe, fat.probe)
"""In this order: a container overwrites what was there, and a boot sector may stand before any of them."""


def open_filesystem(stream: BinaryIO, size_bytes: int) -> Filesystem | None:
    """What is on the volume `stream` by its superblock; None where nothing known is there.

    Swap, physical volumes, encrypted volumes and file systems that are not read have a type and no root:
    their `root()` raises GuestReadError with the reason, and so does the root of one that is damaged.
    """
    stream.seek(0)
    head = stream.read(min(HEAD_BYTES, size_bytes))
    for probe in PROBES:
        found = probe(head, stream)
        if found is not None:
            return found
    return None
