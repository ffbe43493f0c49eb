"""The qcow2 header: what it says. Whether that is safe is judged in qcow2_safety.py.

Source: QEMU, docs/interop/qcow2, and the limits of block/qcow2.h. Pure functions; nothing is opened.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from imgtool.errors import ImageUnreadableError, UnsafeImageError
from imgtool.formats.qcow2 import MAX_CLUSTER_BITS, MIN_CLUSTER_BITS
from imgtool.util.text import printable

MAGIC = b"QFI\xfb"
_USUAL_BYTES = 64 << 10
_CLUSTER_BITS_AT = 20

SECTOR_BYTES = 512
MAX_REFCOUNT_ORDER = 6
MAX_BACKING_NAME_BYTES = 1023
MAX_EXTENSIONS = 64
"""QEMU knows five; each may stand there once."""

DIRTY, CORRUPT, EXTERNAL_DATA, COMPRESSION_TYPE, EXTENDED_L2 = (1 << bit for bit in range(5))
"""Incompatible features."""
DATA_FILE_RAW = 1 << 1
"""An autoclear feature."""

_V2 = struct.Struct(">4sIQIIQIIQQIIQ")
_V3 = struct.Struct(">QQQII")
_V3_HEADER_BYTES = _V2.size + _V3.size
_COMPRESSION_TYPES = {0: "zlib", 1: "zstd"}
_EXTENSION_END = 0
_EXTENSION_DATA_FILE = 0x44415441


class _Version2(NamedTuple):
    """The header's fields up to byte 72, in their order; the names are the specification's, shortened."""

    magic: bytes
    version: int
    backing_offset: int
    backing_size: int
    cluster_bits: int
    size: int
    crypt_method: int
    l1_entries: int
    l1_offset: int
    refcount_table_offset: int
    refcount_table_clusters: int
    snapshots: int
    snapshots_offset: int


@dataclass(frozen=True, slots=True)
class Qcow2Header:
    """The fields of the header, decoded and possible in themselves. Offsets count from the file's start."""

    version: int
    cluster_bits: int
    virtual_size_bytes: int
    """Whole sectors: what is left over is not there for QEMU either (block/qcow2.c, `total_sectors`)."""
    l1_offset: int
    l1_entries: int
    refcount_table_offset: int
    refcount_table_clusters: int
    refcount_order: int
    snapshots: int
    snapshots_offset: int
    incompatible: int
    crypt_method: int
    compression_type: str
    backing_file: str | None
    """Its name, printable; None where there is no backing file."""
    has_data_file_extension: bool

    @property
    def cluster_size_bytes(self) -> int:
        """Bytes of one cluster."""
        return 1 << self.cluster_bits

    @property
    def l2_entries(self) -> int:
        """Entries of one L2 table, which fills one cluster."""
        return 1 << (self.cluster_bits - 3)


def read(read_at: Callable[[int, int], bytes]) -> Qcow2Header:
    """The header of a file, given as a function from offset and length to bytes. Raises as `parse` does.

    All of it stands in the first cluster, which is seldom larger than _USUAL_BYTES.
    """
    prefix = read_at(0, _USUAL_BYTES)
    cluster_bits = int.from_bytes(prefix[_CLUSTER_BITS_AT : _CLUSTER_BITS_AT + 4], "big")
    if _USUAL_BYTES.bit_length() - 1 < cluster_bits <= MAX_CLUSTER_BITS:
        prefix = read_at(0, 1 << cluster_bits)
    return parse(prefix)


def parse(prefix: bytes) -> Qcow2Header:
    """Decode the header from the file's first cluster, which has at most 2 MiB, or all of a shorter file.

    Raises UnsafeImageError for versions that nobody should use, ImageUnreadableError for impossible values.
    """
    if len(prefix) < _V2.size or not prefix.startswith(MAGIC):
        raise ImageUnreadableError("its qcow2 header is cut off or has no magic number")
    fixed = _Version2._make(_V2.unpack_from(prefix))
    _check_basics(fixed)
    cluster = prefix[: 1 << fixed.cluster_bits]
    incompatible, refcount_order, header_length = _version_3_fields(cluster, fixed.version)
    return Qcow2Header(
        version=fixed.version,
        cluster_bits=fixed.cluster_bits,
        virtual_size_bytes=fixed.size // SECTOR_BYTES * SECTOR_BYTES,
        l1_offset=fixed.l1_offset,
        l1_entries=fixed.l1_entries,
        refcount_table_offset=fixed.refcount_table_offset,
        refcount_table_clusters=fixed.refcount_table_clusters,
        refcount_order=refcount_order,
        snapshots=fixed.snapshots,
        snapshots_offset=fixed.snapshots_offset,
        incompatible=incompatible,
        crypt_method=fixed.crypt_method,
        compression_type=_compression_type(prefix, incompatible, header_length),
        backing_file=_backing_file(prefix, fixed.backing_offset, fixed.backing_size),
        has_data_file_extension=_EXTENSION_DATA_FILE
        in _extensions(cluster, header_length, fixed.backing_offset),
    )


def _check_basics(fixed: "_Version2") -> None:
    """Without these two nothing else can be read."""
    if fixed.version not in {2, 3}:
        raise UnsafeImageError(
            f"it is qcow2 version {fixed.version}; only versions 2 and 3 are read",
            hint=_way_out(fixed.version),
        )
    if not MIN_CLUSTER_BITS <= fixed.cluster_bits <= MAX_CLUSTER_BITS:
        raise ImageUnreadableError(
            f"its clusters would have 2^{fixed.cluster_bits} bytes; 2^9 to 2^21 are possible"
        )


def _way_out(version: int) -> str:
    """Version 1 is the format that QEMU calls qcow."""
    return (
        "if you trust it, convert it: qemu-img convert -f qcow -O qcow2 SOURCE TARGET" if version == 1 else ""
    )


def _version_3_fields(cluster: bytes, version: int) -> tuple[int, int, int]:
    """Incompatible features, refcount order, header length; version 2 has them fixed."""
    if version == 2:
        return 0, 4, _V2.size
    if len(cluster) < _V3_HEADER_BYTES:
        raise ImageUnreadableError("its qcow2 header is cut off")
    incompatible, _compatible, autoclear, refcount_order, length = _V3.unpack_from(cluster, _V2.size)
    if length % 8 or not _V3_HEADER_BYTES <= length <= len(cluster):
        raise ImageUnreadableError(f"its qcow2 header claims a length of {length} bytes")
    if refcount_order > MAX_REFCOUNT_ORDER:
        raise ImageUnreadableError(f"its refcounts would have 2^{refcount_order} bits; 64 are possible")
    if autoclear & DATA_FILE_RAW:  # a data file of which a kind is told: QEMU demands that there is one
        incompatible |= EXTERNAL_DATA
    return incompatible, refcount_order, length


def _compression_type(prefix: bytes, incompatible: int, header_length: int) -> str:
    value = prefix[_V3_HEADER_BYTES] if header_length > _V3_HEADER_BYTES else 0
    if value not in _COMPRESSION_TYPES:
        raise ImageUnreadableError(f"its clusters are compressed by an unknown method ({value})")
    if bool(value) != bool(incompatible & COMPRESSION_TYPE):
        raise ImageUnreadableError("its compression type and its feature bits contradict each other")
    return _COMPRESSION_TYPES[value]


def _backing_file(prefix: bytes, offset: int, size: int) -> str | None:
    if offset == 0:
        return None
    name = prefix[offset : offset + min(size, MAX_BACKING_NAME_BYTES)] if offset < len(prefix) else b""
    return printable(name.decode("utf-8", "replace"))


def _extensions(first_cluster: bytes, position: int, backing_offset: int) -> set[int]:
    """The types of the header extensions. They end before the backing file's name, or the first cluster."""
    end = min(backing_offset or len(first_cluster), len(first_cluster))
    types: set[int] = set()
    while position + 8 <= end:
        kind, length = struct.unpack_from(">II", first_cluster, position)
        if kind == _EXTENSION_END:
            break
        position += 8 + (length + 7) // 8 * 8
        if position > end or len(types) >= MAX_EXTENSIONS or kind in types:
            raise ImageUnreadableError(f"its header extension {kind:#x} is too long, or one too many")
        types.add(kind)
    return types
