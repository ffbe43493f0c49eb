"""Where an image file keeps data of its disk, for a picture: cheap, and bounded for any image.

Reads no data. A raw file's own file system tells (SEEK_DATA, SEEK_HOLE); of a qcow2 its L2 tables do, in
which a compressed cluster is data and a zero cluster is not. Where there is too much to look at, samples of
each cell stand for all of it.
"""

import errno
from collections.abc import Iterator, Sequence

from imgtool.errors import ImageUnreadableError
from imgtool.formats import open_admitted
from imgtool.formats.qcow2 import header as qcow2_header
from imgtool.formats.qcow2 import tables as qcow2_tables
from imgtool.formats.qcow2.header import Qcow2Header
from imgtool.formats.qcow2.tables import COMPRESSED, OFFSET_MASK, ZERO
from imgtool.formats.source import ReadAt, Source
from imgtool.model.image import DiskImage
from imgtool.model.inspection import DiskMap

CELLS = 200
"""More than a picture of a disk can show on a phone."""
CELL_EXTENTS = 1000
"""Looked up in one cell of a raw file."""
CELL_RUNS, RUN_CLUSTERS = 8, 256
"""Looked up in one cell of a qcow2: so many runs of so many L2 entries."""
CELL_CLUSTERS = CELL_RUNS * RUN_CLUSTERS
_SECTOR_BYTES = 512


def map_disk(image: DiskImage) -> DiskMap | None:
    """The map of `image`; None where it cannot be had: of other formats, devices, compressed files.

    Raises ImageUnreadableError where the file cannot be read.
    """
    if image.wrapper is not None or image.format not in {"raw", "qcow2"}:
        return None
    with open_admitted(image) as file:
        cell_bytes = max(_SECTOR_BYTES, -(-image.virtual_size_bytes // CELLS))
        filled = _of_raw(file, cell_bytes) if image.format == "raw" else _of_qcow2(file, cell_bytes)
    return None if filled is None else DiskMap(image.virtual_size_bytes, cell_bytes, tuple(filled))


def _of_raw(file: Source, cell_bytes: int) -> list[float] | None:
    """None where the file system cannot tell, and of block devices."""
    cells = [0] * -(-file.size_bytes // cell_bytes)
    budgets = [CELL_EXTENTS] * len(cells)
    position = 0
    try:
        while (data := file.next_data(position)) < file.size_bytes:
            position = file.next_hole(data)
            _add(cells, cell_bytes, data, position)
            position = _within_budget(cells, budgets, cell_bytes, position)
    except OSError as error:
        if error.errno == errno.EINVAL:
            return None
        raise ImageUnreadableError(f"reading it failed: {error.strerror}") from error
    return [_share(kept, _length(index, cell_bytes, file.size_bytes)) for index, kept in enumerate(cells)]


def _add(cells: list[int], cell_bytes: int, start: int, end: int) -> None:
    """Count the bytes from `start` to `end` in the cells that they lie in."""
    while start < end:
        index = start // cell_bytes
        stop = min(end, (index + 1) * cell_bytes)
        cells[index] += stop - start
        start = stop


def _within_budget(cells: list[int], budgets: list[int], cell_bytes: int, position: int) -> int:
    """Where to go on: at `position`, or where its cell ends once enough of the cell was seen."""
    index = position // cell_bytes
    if index >= len(cells):
        return position
    budgets[index] -= 1
    if budgets[index]:
        return position
    seen = position - index * cell_bytes
    cells[index] = cells[index] * cell_bytes // max(seen, 1)
    return (index + 1) * cell_bytes


def _of_qcow2(file: Source, cell_bytes: int) -> list[float]:
    header = qcow2_header.read(file.read_at)
    tables = qcow2_tables.read_l1(file.read_at, header, file.size_bytes)
    clusters = -(-header.virtual_size_bytes // header.cluster_size_bytes)
    shares = []
    for start in range(0, header.virtual_size_bytes, cell_bytes):
        first = start // header.cluster_size_bytes
        end = min(clusters, -(-(start + cell_bytes) // header.cluster_size_bytes))
        kept = seen = 0
        for run, count in _runs(first, end - first):
            kept += _kept(file.read_at, header, tables, run, count)
            seen += count
        shares.append(_share(kept, seen))
    return shares


def _runs(first: int, count: int) -> Iterator[tuple[int, int]]:
    """Which of `count` clusters from `first` to look at: all, or runs that are evenly spread."""
    if count <= CELL_CLUSTERS:
        yield first, count
        return
    for number in range(CELL_RUNS):
        yield first + number * (count - RUN_CLUSTERS) // (CELL_RUNS - 1), RUN_CLUSTERS


def _kept(read_at: ReadAt, header: Qcow2Header, tables: Sequence[int], first: int, count: int) -> int:
    """How many of `count` clusters from `first` are kept in the file."""
    kept = 0
    while count:
        table, index = divmod(first, header.l2_entries)
        part = min(count, header.l2_entries - index)
        offset = tables[table] & OFFSET_MASK if table < len(tables) else 0
        if offset:
            content = read_at(offset + 8 * index, 8 * part)
            kept += sum(map(_is_kept, qcow2_tables.decode_table(content[: len(content) // 8 * 8])))
        first, count = first + part, count - part
    return kept


def _is_kept(entry: int) -> bool:
    return bool(entry & COMPRESSED or (entry & OFFSET_MASK and not entry & ZERO))


def _share(part: int, whole: int) -> float:
    return round(min(1.0, part / whole), 4) if whole else 0.0


def _length(index: int, cell_bytes: int, size_bytes: int) -> int:
    return min(cell_bytes, size_bytes - index * cell_bytes)
