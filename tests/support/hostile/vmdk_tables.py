"""VMDK files whose tables cannot be, or whose grains are not what they say."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from support.hostile.clusters import INFLATED_ROWS
from support.hostile.rows import ROWS, Builder, row
from support.images import patch
from support.vmdk_images import NOISE, SECTOR, Spec, Vmdk, write_vmdk

MORE_ROWS: dict[str, tuple[Builder, str]] = {}
"""As ROWS, for the gate alone: they differ from those in what only it looks at."""

FREE = 40
"""A grain of the disk that no row but the hostile one speaks of."""
CAPACITY_AT, GRAIN_AT, ENTRIES_AT, DIRECTORY_AT, OVERHEAD_AT = 12, 20, 44, 56, 64
FLAGS_AT, COMPRESSION_AT = 8, 77
_GRAIN = 64 << 10
_DISK = {0: NOISE[:_GRAIN], 1: NOISE[1:][:_GRAIN], 600: NOISE[2:][:_GRAIN]}
_CAPACITY = 1024 * 128

_AT_TABLE = "points at the header or at a table, or at one grain twice"
_BEYOND = "beyond the file's end"


def _made(folder: Path, **how: object) -> Vmdk:
    return write_vmdk(folder / "x.vmdk", _DISK, Spec(**how), _CAPACITY)  # type: ignore[arg-type]  # by name, as the test says


def _u32(path: Path, place: int, value: int) -> Path:
    return patch(path, place, struct.pack("<I", value))


def _u64(path: Path, place: int, value: int) -> Path:
    return patch(path, place, struct.pack("<Q", value))


# ---------------------------------------------------------------- entries


def _entry(name: str, says: str, sector: Callable[[Vmdk], int], **how: object) -> None:
    def build(folder: Path, canary: Path) -> Path:
        made = _made(folder, **how)
        return _u32(made.path, made.entry(FREE), sector(made))

    (MORE_ROWS if how else ROWS)[f"vmdk_grain_{name}"] = (build, says)


def _end(made: Vmdk) -> int:
    return made.path.stat().st_size // SECTOR


for _kind, _how in {"": {}, "_unaligned": {"shift": 3}, "_compressed": {"compressed": True}}.items():
    _entry(f"on_the_descriptor{_kind}", _AT_TABLE, lambda made: 1, **_how)
    _entry(f"on_its_table{_kind}", _AT_TABLE, lambda made: made.tables[0], **_how)
    _entry(f"on_another_table{_kind}", _AT_TABLE, lambda made: made.tables[1] + 3, **_how)
    _entry(f"on_the_directory{_kind}", _AT_TABLE, lambda made: made.directory, **_how)
    _entry(f"of_another{_kind}", _AT_TABLE, lambda made: made.grains[600], **_how)
    _entry(f"outside{_kind}", _BEYOND, _end, **_how)
    _entry(f"far_outside{_kind}", _BEYOND, lambda made: 0xFFFFFFFF, **_how)
_entry("half_outside", _BEYOND, lambda made: _end(made) - 64)
_entry("half_in_another", _AT_TABLE, lambda made: made.grains[0] + 64)
_entry("that_ends_in_another", _AT_TABLE, lambda made: made.grains[0] - 1, shift=130)
_entry("on_the_footer", _AT_TABLE, lambda made: _end(made) - 2, compressed=True, footer=True)
_entry("of_zeros_where_there_are_none", _AT_TABLE, lambda made: 1, version=2)


# ---------------------------------------------------------------- tables


def _table(name: str, says: str, sector: Callable[[Vmdk], int]) -> None:
    def build(folder: Path, canary: Path) -> Path:
        made = _made(folder)
        return _u32(made.path, made.directory * SECTOR + 4, sector(made))

    MORE_ROWS[f"vmdk_table_{name}"] = (build, says)


_ELSEWHERE = "its tables stand where others do"
_table("of_another", _ELSEWHERE, lambda made: made.tables[0])
_table("half_in_another", _ELSEWHERE, lambda made: made.tables[0] + 3)
_table("on_the_descriptor", _ELSEWHERE, lambda made: 1)
_table("on_the_directory", _ELSEWHERE, lambda made: made.directory)
_table("outside", "tables are cut off", _end)
_table("half_outside", "tables are cut off", lambda made: _end(made) - 2)
_table("in_a_grain", _AT_TABLE, lambda made: made.grains[0])


@row(_ELSEWHERE)
def vmdk_tables_that_are_one(folder: Path, canary: Path) -> Path:
    """128 KiB whose 64 grain tables are one, and whose entries all name one grain: 2 GiB of data."""
    path = write_vmdk(folder / "x.vmdk", {0: NOISE[:_GRAIN]}, Spec(), 64 * 512 * 128).path
    content = path.read_bytes()
    (directory,) = struct.unpack_from("<Q", content, DIRECTORY_AT)
    (table,) = struct.unpack_from("<I", content, directory * SECTOR)
    (grain,) = struct.unpack_from("<I", content, table * SECTOR)
    patch(path, table * SECTOR, struct.pack("<I", grain) * 512)
    return patch(path, directory * SECTOR, struct.pack("<I", table) * 64)


@row(_AT_TABLE)
def vmdk_entries_that_are_one(folder: Path, canary: Path) -> Path:
    made = _made(folder)
    return patch(made.path, made.tables[0] * SECTOR, struct.pack("<I", made.grains[0]) * 512)


@row(_ELSEWHERE)
def vmdk_directory_on_the_descriptor(folder: Path, canary: Path) -> Path:
    return _u64(_made(folder).path, DIRECTORY_AT, 2)


@row("its tables stand where others do|tables are cut off")
def vmdk_directory_in_the_data(folder: Path, canary: Path) -> Path:
    """Noise is taken for the places of tables."""
    made = _made(folder)
    return _u64(made.path, DIRECTORY_AT, made.grains[0])


@row(_BEYOND)
def vmdk_directory_outside(folder: Path, canary: Path) -> Path:
    made = _made(folder)
    return _u64(made.path, DIRECTORY_AT, _end(made))


@row("tables would take")
def vmdk_tables_in_holes(folder: Path, canary: Path) -> Path:
    """192 MiB of tables, none of which the file keeps."""
    path, tables = folder / "x.vmdk", 96 << 10
    made = write_vmdk(path, {}, Spec(), tables * 512 * 128)
    first = made.directory + tables * 4 // SECTOR
    patch(path, made.directory * SECTOR, struct.pack(f"<{tables}I", *range(first, first + tables * 4, 4)))
    os.truncate(path, (first + tables * 4) * SECTOR)
    return path


# ---------------------------------------------------------------- the header


def _header(name: str, says: str, place: int, value: int, width: str = "<Q", **how: object) -> None:
    def build(folder: Path, canary: Path) -> Path:
        return patch(_made(folder, **how).path, place, struct.pack(width, value))

    MORE_ROWS[f"vmdk_{name}"] = (build, says)


_header("grains_of_nothing", "grains of 0 sectors", GRAIN_AT, 0)
_header("grains_of_100_sectors", "grains of 100 sectors", GRAIN_AT, 100)
_header("grains_of_2_gib", "grains of 4194304 sectors", GRAIN_AT, 4 << 20)
_header("compressed_grains_of_4_mib", "grains of 8192 sectors", GRAIN_AT, 8192, compressed=True)
_header("tables_of_nothing", "tables of 0 entries", ENTRIES_AT, 0, "<I")
_header("tables_of_513", "tables of 513 entries", ENTRIES_AT, 513, "<I")
_header("tables_of_everything", "tables of 4294967295 entries", ENTRIES_AT, 0xFFFFFFFF, "<I")
_header("more_than_64_tib", "claims a disk of", CAPACITY_AT, (64 << 40 >> 9) + 1)
_header("tables_without_number", "grain tables", CAPACITY_AT, 64 << 40 >> 9, "<Q", grain=1)
_header("overhead_outside", _BEYOND, OVERHEAD_AT, 1 << 40)
_header("unknown_flag", "features that nobody knows", FLAGS_AT, 3 | 1 << 20, "<I")
_header("markers_without_compression", "features that nobody knows", FLAGS_AT, 3 | 1 << 17, "<I")
_header("unknown_compression", "features that nobody knows", COMPRESSION_AT, 2, "<H")
_header("compression_in_one_word", "features that nobody knows", COMPRESSION_AT, 1, "<H")
_header(
    "compression_without_markers", "features that nobody knows", FLAGS_AT, 3 | 1 << 16, "<I", compressed=True
)


def _footer(name: str, place: int, value: int) -> None:
    def build(folder: Path, canary: Path) -> Path:
        path = _made(folder, compressed=True, footer=True).path
        return _u64(path, path.stat().st_size - 1024 + place, value)

    ROWS[f"vmdk_footer_with_another_{name}"] = (build, "footer contradicts its header")


_footer("capacity", CAPACITY_AT, 1 << 20)
_footer("grain", GRAIN_AT, 64)


# ---------------------------------------------------------------- compressed grains


def _packed(name: str, says: str, sector: int | None, length: int | None, content: bytes) -> None:
    """Grain FREE, at the file's end, marked as the one of `sector` and as so long."""

    def build(folder: Path, canary: Path) -> Path:
        made = _made(folder, compressed=True)
        packed = zlib.compress(content)
        marker = struct.pack(
            "<QI", FREE * 128 if sector is None else sector, len(packed) if length is None else length
        )
        place = _end(made)
        patch(made.path, place * SECTOR, (marker + packed).ljust(SECTOR, b"\0"))
        return _u32(made.path, made.entry(FREE), place)

    INFLATED_ROWS[f"vmdk_grain_{name}"] = (build, says)


_WHOLE = b"a" * _GRAIN
_packed("marked_as_another", "marked as another", 0, None, _WHOLE)
_packed("marked_as_none", "marked as another", (1 << 64) - 1, None, _WHOLE)
_packed("longer_than_the_file", "runs into another, or is cut off", None, 1 << 20, _WHOLE)
_packed("as_long_as_can_be_said", "runs into another, or is cut off", None, 0xFFFFFFFF, _WHOLE)
_packed("of_no_length", "is damaged", None, 0, _WHOLE)
_packed("cut_short", "is damaged", None, 20, _WHOLE)
_packed("that_inflates_to_nothing", "does not hold a grain", None, None, b"")
_packed("that_inflates_to_less", "does not hold a grain", None, None, _WHOLE[1:])
_packed("that_inflates_to_more", "is damaged", None, None, _WHOLE + b"a")
_packed("that_inflates_to_50_mib", "is damaged", None, None, bytes(50 << 20))


def _that_runs_into_the_next(folder: Path, canary: Path) -> Path:
    """Grain 0 claims the first bytes of grain 1 too."""
    made = _made(folder, compressed=True)
    length = (made.grains[1] - made.grains[0]) * SECTOR
    return _u32(made.path, made.grains[0] * SECTOR + 8, length)


INFLATED_ROWS["vmdk_grain_that_runs_into_the_next"] = (_that_runs_into_the_next, "runs into another")
