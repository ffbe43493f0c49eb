"""Whether an NTFS was unmounted: its dirty flag, and the restart area of its log."""

import struct

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.ntfs_records import (
    LOG_RECORD,
    VOLUME_INFORMATION,
    VOLUME_RECORD,
    NtfsVolume,
)

DIRTY = 0x0001
"""In the flags of $Volume: to be checked at the next start."""
NO_CLIENT = 0xFFFF
LOG_IS_CLEAN = 0x0002
PAGE_BYTES = 4096
"""The log begins with two restart pages of this size, of which the newer one counts."""


def what_is_unclean(volume: NtfsVolume) -> str | None:
    """What shows that it was not unmounted, or None."""
    information = volume.record(VOLUME_RECORD).small(VOLUME_INFORMATION)
    if information is None or len(information) < 12:
        raise GuestReadError("$Volume has no information")
    if struct.unpack_from("<H", information, 10)[0] & DIRTY:
        return "$Volume is marked as dirty"
    with volume.record(LOG_RECORD).open("$LogFile") as log:
        pages = [log.read(PAGE_BYTES), log.read(PAGE_BYTES)]
    areas = [area for area in map(_restart_area, pages) if area is not None]
    if not areas:
        return None
    _, in_use, flags = max(areas)
    if in_use == NO_CLIENT or flags & LOG_IS_CLEAN:
        return None
    return "$LogFile has to be replayed"


def _restart_area(page: bytes) -> tuple[int, int, int] | None:
    """Sequence number, list of clients and flags; None for a log that was emptied: LFS_RESTART_AREA."""
    if page[:4] != b"RSTR":
        return None
    offset = struct.unpack_from("<H", page, 0x18)[0]
    number, in_use, flags = struct.unpack_from("<Q4xHH", page, offset)
    return number, in_use, flags
