"""What the gate (formats/gate.py) makes of a qcow2."""

from dataclasses import replace

from imgtool.errors import ImgtoolError
from imgtool.formats.bounds import check_hollow_tables, round_to_sector
from imgtool.formats.qcow2 import header as qcow2_header
from imgtool.formats.qcow2 import safety, snapshots, tables
from imgtool.formats.qcow2.header import Qcow2Header
from imgtool.formats.source import ReadAt
from imgtool.model.image import DiskImage


def fill(image: DiskImage, read_at: ReadAt, size_bytes: int) -> DiskImage:
    """`image` with what its header says. Raises UnsafeImageError, ImageUnreadableError."""
    header = qcow2_header.read(read_at)
    safety.judge(header, size_bytes)
    l2_tables, clusters = tables.read_tables(read_at, header, size_bytes)
    count = len(l2_tables) - l2_tables.count(0) + snapshots.count_l2_tables(read_at, header, clusters)
    check_hollow_tables(count * header.cluster_size_bytes, image.allocated_bytes)
    return replace(
        image,
        virtual_size_bytes=round_to_sector(header.virtual_size_bytes),
        cluster_size_bytes=header.cluster_size_bytes,
        compression_type=header.compression_type,
        version=header.version,
        snapshots=header.snapshots,
    )


def judged_header(content: bytes) -> Qcow2Header:
    """The header of a file of which only the first bytes are known. Raises as `fill` does."""
    header = qcow2_header.parse(content)
    safety.judge(header, None)
    return header


def describe(read_at: ReadAt) -> str:
    """Say for a message what it is, with the backing file that makes a false claim an attack."""
    try:
        backing_file = qcow2_header.read(read_at).backing_file
    except ImgtoolError:
        return "qcow2 with a damaged header"
    return "qcow2" if backing_file is None else f"qcow2 with a backing file '{backing_file}'"
