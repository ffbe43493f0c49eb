"""qcow2 files whose L2 tables or compressed clusters cannot be: refused before another program sees them."""

import zlib
from pathlib import Path

from support.hostile.rows import Builder
from support.images import create, patch, patch_u64, qemu_io, read_u64

CLUSTER_ROWS: dict[str, tuple[Builder, str]] = {}
"""As ROWS. `admit` lets them pass: it looks at what names tables, not at what the tables name."""

INFLATED_ROWS: dict[str, tuple[Builder, str]] = {}
"""The same, for what is seen only by whoever inflates it: a conversion."""

OFFSET = 0x00FFFFFFFFFFFE00
OWN, COMPRESSED = 1 << 63, 1 << 62
CLUSTER = 64 << 10
FREE = 40
"""A cluster of the disk that no row but the hostile one speaks of."""


def _image(folder: Path) -> Path:
    path = create(folder / "x.qcow2", "qcow2", "8M")
    qemu_io(path, ["write -P 7 0 128k", "write -c -P 8 1M 64k"])
    return path


def _l2_table(path: Path) -> int:
    return read_u64(path, read_u64(path, 40)) & OFFSET


def _with_entry(path: Path, entry: int) -> Path:
    return patch_u64(path, _l2_table(path) + FREE * 8, entry)


def _register(name: str, says: str, flag: int, place: object) -> None:
    def build(folder: Path, canary: Path) -> Path:
        path = _image(folder)
        offset = place(path) if callable(place) else place
        return _with_entry(path, flag | offset)

    CLUSTER_ROWS[name] = (build, says)


_AT_TABLE = "points at the header or at a table, or at one cluster twice"
_PLACES = {
    "the_l1_table": lambda path: read_u64(path, 40),
    "its_own_table": _l2_table,
    "the_refcount_table": lambda path: read_u64(path, 48),
    "a_refcount_block": lambda path: read_u64(path, read_u64(path, 48)),
    "the_cluster_of_another": lambda path: read_u64(path, _l2_table(path)) & OFFSET,
}
for _name, _place in _PLACES.items():
    _register(f"l2_entry_at_{_name}", _AT_TABLE, OWN, _place)
    _register(f"compressed_entry_at_{_name}", _AT_TABLE, COMPRESSED, _place)
_register("l2_entry_outside", "beyond the file's end", OWN, 1 << 40)
_register("compressed_entry_outside", "beyond the file's end", COMPRESSED, 1 << 45)
_register("compressed_entry_at_the_header", "impossible compressed entry", COMPRESSED, 5)
_register("l2_entry_unaligned", "impossible entry", OWN, 5 << 16 | 512)
_register("l2_entry_with_reserved_bits", "impossible entry", OWN, 1 << 61)


def _inflates_to(content: bytes) -> Builder:
    def build(folder: Path, canary: Path) -> Path:
        path = _image(folder)
        deflater = zlib.compressobj(9, wbits=-12)
        data = deflater.compress(content) + deflater.flush()
        place = -(-path.stat().st_size // CLUSTER) * CLUSTER
        patch(path, place, data)
        return _with_entry(path, COMPRESSED | (len(data) - 1) // 512 << 54 | place)

    return build


INFLATED_ROWS |= {
    "cluster_that_inflates_to_nothing": (_inflates_to(b""), "compressed clusters"),
    "cluster_that_inflates_to_less": (_inflates_to(b"a" * (CLUSTER - 1)), "compressed clusters"),
    "cluster_that_inflates_to_more": (_inflates_to(b"a" * (CLUSTER + 1)), "compressed clusters"),
    "cluster_that_inflates_to_50_mib": (_inflates_to(bytes(50 << 20)), "compressed clusters"),
}
