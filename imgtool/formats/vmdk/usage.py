"""Whether all that the tables of a VMDK name can be theirs: in the file, and each place once.

A grain has its place to itself, and not where the header, the descriptor, the directory, a table or the
footer is. Of a compressed grain only the beginning is known here; that it ends before the next one begins is
seen when it is read. Redundant tables are not read, here or anywhere.
"""

from functools import reduce
from operator import or_

from imgtool.errors import ImageUnreadableError
from imgtool.formats.cluster_map import ClusterMap, runs
from imgtool.formats.vmdk.tables import VmdkTables, decode_entries

_SECTOR_BITS = 9


def check_usage(tables: VmdkTables) -> None:
    """Raise ImageUnreadableError unless every entry of every grain table can be.

    It takes 0.1 to 0.2 us for a grain; where they do not all stand at multiples of their size, as they do by
    habit, as much for one that follows the one before in the file, and about 1 us for any other.
    """
    bits = _SECTOR_BITS if tables.header.compressed else _unit_bits(tables)
    taken = _with_tables(tables, bits)
    for index in tables.used:
        if not _take(taken, tables, index, bits):
            raise ImageUnreadableError(
                "its grain table points at the header or at a table, or at one grain twice"
            )


def _take(taken: ClusterMap, tables: VmdkTables, index: int, bits: int) -> bool:
    """Take the places of a table's grains, in units of 1 << `bits` bytes; False where one was taken."""
    entries, shift = tables.entries(index), bits - _SECTOR_BITS
    grain = tables.header.grain_sectors
    if tables.header.compressed:
        return taken.take_each([entry for entry in entries if entry])
    rest = tables.header.capacity % grain if index == len(tables.directory) - 1 else 0
    last = entries.pop() if rest else 0
    if last and not _take_run(taken, tables, last, last + rest, shift):  # nothing needs all of this grain
        return False
    if grain == 1 << shift:
        return taken.take_each([entry >> shift for entry in entries if entry])
    return all(
        _take_run(taken, tables, start, end, shift) for start, end in runs(filter(None, entries), grain)
    )


def _take_run(taken: ClusterMap, tables: VmdkTables, start: int, end: int, shift: int) -> bool:
    if end * 512 > tables.size_bytes:
        raise ImageUnreadableError(
            "its data lies beyond the file's end: the file is cut off", hint="fetch or copy it again"
        )
    return taken.take(start >> shift, (end - start + (1 << shift) - 1) >> shift)


def _unit_bits(tables: VmdkTables) -> int:
    """The largest unit in which all grains begin: they stand at multiples of their size, as a rule."""
    seen = 0
    for index in tables.used:
        seen |= int.from_bytes(tables.entries(index).tobytes(), "little")
    length = tables.header.table_entries * 4
    sectors = reduce(or_, decode_entries(seen.to_bytes(length, "little")), tables.header.grain_sectors)
    return _SECTOR_BITS + (sectors & -sectors).bit_length() - 1


def _with_tables(tables: VmdkTables, bits: int) -> ClusterMap:
    """The file in units of 1 << `bits` bytes, of which those that are no data's are taken."""
    taken = ClusterMap(-(-tables.size_bytes // 512) * 512, bits)
    end = free = 0
    for sector, sectors in tables.places():
        if sector < end:
            raise ImageUnreadableError("its tables stand where others do, or its header does")
        end = sector + sectors
        first, stop = sector << _SECTOR_BITS >> bits, -(-end << _SECTOR_BITS >> bits)
        if stop > max(first, free):
            taken.take(max(first, free), stop - max(first, free))
            free = stop
    return taken
