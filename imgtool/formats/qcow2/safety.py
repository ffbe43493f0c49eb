"""Whether what a qcow2 header says is safe and possible. Pure functions.

Source: QEMU, docs/interop/qcow2, and the limits of block/qcow2.h.
"""

from imgtool.errors import ImageUnreadableError, UnsafeImageError
from imgtool.formats.bounds import check_virtual_size
from imgtool.formats.qcow2.header import (
    COMPRESSION_TYPE,
    CORRUPT,
    DIRTY,
    EXTENDED_L2,
    EXTERNAL_DATA,
    Qcow2Header,
)

MAX_L1_BYTES = 32 << 20
"""QEMU: QCOW_MAX_L1_SIZE."""
MAX_REFCOUNT_TABLE_BYTES = 8 << 20
"""QEMU: QCOW_MAX_REFTABLE_SIZE."""
MAX_SNAPSHOTS = 65536
"""QEMU: QCOW_MAX_SNAPSHOTS."""


def judge(header: Qcow2Header, file_size_bytes: int | None) -> None:
    """Refuse what is unsafe or cannot be. `file_size_bytes` is None where the file's end is not known.

    Internal snapshots pass: they name no other file, are bounded here, and are counted in the image's facts.
    """
    _judge_references(header)
    _judge_state(header)
    check_virtual_size(header.virtual_size_bytes)
    _judge_tables(header, file_size_bytes)


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
        raise UnsafeImageError(f"it has unknown incompatible feature bits ({unknown:#x})")
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
