"""Members of Linux' software RAID: their superblocks, and where on a mirror's member the data is.

Layouts: struct mdp_superblock_s (version 0.90, at the end) and struct mdp_superblock_1 (1.0 at the end, 1.1
at the start, 1.2 after 4 KiB) of Linux' include/uapi/linux/raid/md_p.h; md(4). A member of RAID 1 holds all
of the data, so one is enough; what is on a member of any other level cannot be read from it alone.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from imgtool.util.text import printable

SECTOR_BYTES = 512
MAGIC = 0xA92B4EFC
RESERVED_BYTES = 64 << 10
"""Version 0.90: the superblock is in the last whole 64 KiB."""
LEVELS = {-4: "multipath", -1: "linear", 0: "RAID 0", 1: "RAID 1"}
HEAD_BYTES = 256

ReadAt = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class Member:
    """What the superblock of a member says."""

    version: str
    """Of the metadata: 0.90, 1.0, 1.1, 1.2."""
    level: int
    name: str
    """Of the array, printable; empty in version 0.90."""
    data_start_bytes: int
    data_size_bytes: int
    uuid: str = ""
    """Of the array, as mdadm prints it; empty in version 0.90, where the kernel may assemble by itself."""

    @property
    def is_mirror(self) -> bool:
        """Whether the member holds all of the array's data."""
        return self.level == 1

    @property
    def title(self) -> str:
        """What it is, for people."""
        level = LEVELS.get(self.level, f"RAID {self.level}")
        return f"a member of a software RAID ({level}{f', {self.name}' if self.name else ''})"


def read_member(read_at: ReadAt, size_bytes: int) -> Member | None:
    """The member on a volume of this size; None where it is none, or where what it says is impossible."""
    for version, offset in _places(size_bytes):
        head = read_at(offset, HEAD_BYTES)
        if len(head) == HEAD_BYTES:
            found = _old(head, offset) if version == "0.90" else _new(head, version, offset)
            if found is not None and _fits(found, size_bytes):
                return found
    return None


def _places(size_bytes: int) -> list[tuple[str, int]]:
    """Versions and where each has its superblock: super_90_sync() and super_1_load() of drivers/md/md.c."""
    places = [("1.2", 4096), ("1.1", 0)]
    if size_bytes >= 2 * RESERVED_BYTES:
        places.append(("1.0", (size_bytes // SECTOR_BYTES - 16) // 8 * 8 * SECTOR_BYTES))
        places.append(("0.90", size_bytes // RESERVED_BYTES * RESERVED_BYTES - RESERVED_BYTES))
    return places


def _fits(member: Member, size_bytes: int) -> bool:
    start, size = member.data_start_bytes, member.data_size_bytes
    return start >= 0 and size > 0 and start + size <= size_bytes


def _new(head: bytes, version: str, offset: int) -> Member | None:
    magic, major = struct.unpack_from("<II", head)
    if (magic, major) != (MAGIC, 1):
        return None
    (level,) = struct.unpack_from("<i", head, 72)
    start, size, own = struct.unpack_from("<QQQ", head, 128)
    if own * SECTOR_BYTES != offset:
        return None
    name = printable(head[32:64].split(b"\0")[0].decode("utf-8", "replace"))
    uuid = ":".join(head[at : at + 4].hex() for at in range(16, 32, 4))
    return Member(version, level, name, start * SECTOR_BYTES, size * SECTOR_BYTES, uuid)


def _old(head: bytes, offset: int) -> Member | None:
    """Read it in the byte order of the machine that made it; little-endian ones only."""
    magic, major, minor = struct.unpack_from("<III", head)
    if (magic, major, minor) != (MAGIC, 0, 90):
        return None
    (level,) = struct.unpack_from("<i", head, 28)
    return Member("0.90", level, "", 0, offset)
