"""VHDX: where its metadata are, which a log or a block table of any size may precede."""

import struct
import uuid
from collections.abc import Callable

SIGNATURE = b"vhdxfile"
METADATA_REGION = uuid.UUID("8B7CA206-4790-4B9A-B8FE-575F050F886E").bytes_le
REGION_TABLE_OFFSETS = (192 << 10, 256 << 10)
REGION_ENTRY = struct.Struct("<16sQII")
TABLE_BYTES = 64 << 10
MAX_REGIONS = 2047


def metadata_end(read_at: Callable[[int, int], bytes]) -> int:
    """Where the metadata region ends, as the file's table says, unchecked; 0 where it does not say."""
    if read_at(0, len(SIGNATURE)) != SIGNATURE:
        return 0
    table = read_at(REGION_TABLE_OFFSETS[0], TABLE_BYTES)
    count = min(int.from_bytes(table[8:12], "little"), MAX_REGIONS, max(0, len(table) - 16) // 32)
    for number in range(count):
        guid, offset, length, _ = REGION_ENTRY.unpack_from(table, 16 + 32 * number)
        if guid == METADATA_REGION:
            return int(offset) + int(length)
    return 0
