"""The qcow2 header: what it says, and whether that is possible and safe.

Source: QEMU, docs/interop/qcow2, and the limits of block/qcow2.h. Pure functions; nothing is opened.
"""

import struct
from dataclasses import dataclass

from imgtool.errors import ImageUnreadableError, UnsafeImageError
from imgtool.formats.bounds import check_virtual_size
from imgtool.text import printable

MAGIC = b"QFI\xfb"
PREFIX_BYTES = 2 << 20
"""The header and its extensions stand in the first cluster, which has at most 2 MiB."""

MIN_CLUSTER_BITS, MAX_CLUSTER_BITS = 9, 21
MAX_L1_BYTES = 32 << 20
"""QEMU: QCOW_MAX_L1_SIZE."""
MAX_REFCOUNT_TABLE_BYTES = 8 << 20
"""QEMU: QCOW_MAX_REFTABLE_SIZE."""
MAX_SNAPSHOTS = 65536
"""QEMU: QCOW_MAX_SNAPSHOTS."""
MAX_REFCOUNT_ORDER = 6
MAX_BACKING_NAME_BYTES = 1023
MAX_EXTENSIONS = 64
"""QEMU knows five; each may stand there once."""

DIRTY, CORRUPT, EXTERNAL_DATA, COMPRESSION_TYPE, EXTENDED_L2 = (1 << bit for bit in range(5))
"""Incompatible features."""

_V2 = struct.Struct(">4sIQIIQIIQQIIQ")
_V3 = struct.Struct(">QQQII")
_V3_HEADER_BYTES = _V2.size + _V3.size
_COMPRESSION_TYPES = {0: "zlib", 1: "zstd"}
_EXTENSION_END = 0
_EXTENSION_DATA_FILE = 0x44415441


@dataclass(frozen=True, slots=True)
class Qcow2Header:
    """The fields of the header, decoded and possible in themselves. Offsets count from the file's start."""

    version: int
    cluster_bits: int
    virtual_size_bytes: int
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


def parse(prefix: bytes) -> Qcow2Header:
    """Decode the header from the file's first bytes (PREFIX_BYTES, or all where the file is shorter).

    Raises UnsafeImageError for versions that nobody should use, ImageUnreadableError for impossible values.
    """
    if len(prefix) < _V2.size or not prefix.startswith(MAGIC):
        raise ImageUnreadableError("its qcow2 header is cut off or has no magic number")
    (
        _,
        version,
        backing_offset,
        backing_size,
        cluster_bits,
        size,
        crypt_method,
        l1_entries,
        l1_offset,
        refcount_table_offset,
        refcount_table_clusters,
        snapshots,
        snapshots_offset,
    ) = _V2.unpack_from(prefix)
    if version not in {2, 3}:
        raise UnsafeImageError(f"it is qcow2 version {version}; only versions 2 and 3 are read")
    if not MIN_CLUSTER_BITS <= cluster_bits <= MAX_CLUSTER_BITS:
        raise ImageUnreadableError(
            f"its clusters would have 2^{cluster_bits} bytes; 2^9 to 2^21 are possible"
        )
    incompatible, refcount_order, header_length = _version_3_fields(prefix, version, 1 << cluster_bits)
    return Qcow2Header(
        version=version,
        cluster_bits=cluster_bits,
        virtual_size_bytes=size,
        l1_offset=l1_offset,
        l1_entries=l1_entries,
        refcount_table_offset=refcount_table_offset,
        refcount_table_clusters=refcount_table_clusters,
        refcount_order=refcount_order,
        snapshots=snapshots,
        snapshots_offset=snapshots_offset,
        incompatible=incompatible,
        crypt_method=crypt_method,
        compression_type=_compression_type(prefix, incompatible, header_length),
        backing_file=_backing_file(prefix, backing_offset, backing_size),
        has_data_file_extension=_EXTENSION_DATA_FILE
        in _extensions(prefix[: 1 << cluster_bits], header_length, backing_offset),
    )


def judge(header: Qcow2Header, file_size_bytes: int | None) -> None:
    """Refuse what is unsafe or cannot be. `file_size_bytes` is None where the file's end is not known.

    Internal snapshots pass: they name no other file, are bounded here, and are counted in the image's facts.
    """
    _judge_references(header)
    _judge_state(header)
    check_virtual_size(header.virtual_size_bytes)
    _judge_tables(header, file_size_bytes)


def _version_3_fields(prefix: bytes, version: int, cluster_size: int) -> tuple[int, int, int]:
    """Incompatible features, refcount order, header length; version 2 has them fixed."""
    if version == 2:
        return 0, 4, _V2.size
    if len(prefix) < _V3_HEADER_BYTES:
        raise ImageUnreadableError("its qcow2 header is cut off")
    incompatible, _compatible, _autoclear, refcount_order, length = _V3.unpack_from(prefix, _V2.size)
    if length % 8 or not _V3_HEADER_BYTES <= length <= min(cluster_size, len(prefix)):
        raise ImageUnreadableError(f"its qcow2 header claims a length of {length} bytes")
    if refcount_order > MAX_REFCOUNT_ORDER:
        raise ImageUnreadableError(f"its refcounts would have 2^{refcount_order} bits; 64 are possible")
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


def _judge_references(header: Qcow2Header) -> None:
    if header.backing_file is not None:
        raise UnsafeImageError(
            f"it has a backing file '{header.backing_file}': reading it would read another file of this host",
            hint="flatten it where it was made: qemu-img convert -O qcow2 SOURCE TARGET",
        )
    if header.incompatible & EXTERNAL_DATA or header.has_data_file_extension:
        raise UnsafeImageError(
            "it keeps its data in another file (CVE-2024-32498)",
            hint="make it whole where it was made: qemu-img convert -O qcow2 SOURCE TARGET",
        )


def _judge_state(header: Qcow2Header) -> None:
    if header.crypt_method:
        raise UnsafeImageError("it is encrypted: nobody can tell what is inside", hint="decrypt it first")
    if header.incompatible & EXTENDED_L2:
        raise UnsafeImageError(
            "it has extended L2 entries, which OpenStack refuses",
            hint="qemu-img convert -O qcow2 -o extended_l2=off SOURCE TARGET",
        )
    unknown = header.incompatible & ~(DIRTY | CORRUPT | COMPRESSION_TYPE)
    if unknown:
        raise UnsafeImageError(f"it has incompatible features that nobody knows ({unknown:#x})")
    if header.incompatible & CORRUPT:
        raise ImageUnreadableError(
            "it is marked as corrupt", hint="try qemu-img check -r all on a copy, or take a good copy"
        )
    if header.incompatible & DIRTY:
        raise ImageUnreadableError(
            "it is marked as in use: its writer died, or is still running",
            hint="stop the virtual machine, or run qemu-img check -r all on it",
        )


def _judge_tables(header: Qcow2Header, file_size_bytes: int | None) -> None:
    l1_bytes = header.l1_entries * 8
    per_l1_entry = header.cluster_size_bytes * header.l2_entries
    if l1_bytes > MAX_L1_BYTES:
        raise ImageUnreadableError(f"its L1 table claims {header.l1_entries} entries; QEMU allows 32 MiB")
    if header.l1_entries * per_l1_entry < header.virtual_size_bytes:
        raise ImageUnreadableError("its L1 table is too small for its virtual size")
    _judge_place(header, "L1 table", header.l1_offset, l1_bytes, file_size_bytes)
    refcount_bytes = header.refcount_table_clusters * header.cluster_size_bytes
    if not 0 < refcount_bytes <= MAX_REFCOUNT_TABLE_BYTES:
        raise ImageUnreadableError(f"its refcount table claims {header.refcount_table_clusters} clusters")
    _judge_place(header, "refcount table", header.refcount_table_offset, refcount_bytes, file_size_bytes)
    if header.snapshots > MAX_SNAPSHOTS:
        raise ImageUnreadableError(f"it claims {header.snapshots} snapshots; QEMU allows {MAX_SNAPSHOTS}")
    if header.snapshots:
        _judge_place(header, "snapshot table", header.snapshots_offset, 1, file_size_bytes)


def _judge_place(
    header: Qcow2Header, what: str, offset: int, length: int, file_size_bytes: int | None
) -> None:
    """A table starts at a cluster, after the header's, and ends inside the file."""
    if offset % header.cluster_size_bytes or offset < header.cluster_size_bytes:
        raise ImageUnreadableError(f"its {what} claims to be at offset {offset}, where none can be")
    if file_size_bytes is not None and offset + length > file_size_bytes:
        raise ImageUnreadableError(
            f"its {what} lies beyond the file's end: the file is cut off", hint="fetch or copy it again"
        )
