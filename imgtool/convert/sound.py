"""Whether each compressed piece of a disk is one: asked before another program inflates them.

Our own reader finds out while it reads. This reads and inflates all of them, and is for `--engine qemu-img`.
"""

from collections.abc import Iterator

from imgtool.disk.inflate import inflate_cluster
from imgtool.formats import open_admitted
from imgtool.formats.layout import read_layout
from imgtool.formats.qcow2 import header as qcow2_header
from imgtool.formats.qcow2 import tables as qcow2_tables
from imgtool.formats.qcow2.header import Qcow2Header
from imgtool.formats.qcow2.tables import COMPRESSED, Cluster
from imgtool.formats.source import Source, naming
from imgtool.model.image import DiskImage


def check_compressed_clusters(image: DiskImage) -> None:
    """Raise ImageUnreadableError unless all compressed clusters of the qcow2 `image` can be inflated."""
    with open_admitted(image) as file, naming(image.origin.path):
        header = qcow2_header.read(file.read_at)
        for cluster in _compressed(file, header):
            data = file.read_at(cluster.offset, cluster.length)
            inflate_cluster(header.compression_type, data, header.cluster_size_bytes)


def has_compressed_clusters(image: DiskImage) -> bool:
    """Return whether the qcow2 `image` has any. Raises ImageUnreadableError where its tables are damaged."""
    with open_admitted(image) as file:
        return any(_compressed(file, qcow2_header.read(file.read_at)))


def check_packed_spans(image: DiskImage) -> None:
    """Raise ImageUnreadableError unless all that is compressed in `image`, of a mapped format, is sound."""
    with open_admitted(image) as file, naming(image.origin.path):
        layout = read_layout(image.format, file.read_at, file.size_bytes)
        position = 0
        while layout.packed_block_bytes and position < layout.size_bytes:
            span = layout.span_at(position)
            position = span.end_bytes
            if span.packed_bytes and span.offset_bytes is not None:
                layout.unpack(file.read_at(span.offset_bytes, span.packed_bytes), span)


def _compressed(file: Source, header: Qcow2Header) -> Iterator[Cluster]:
    size = header.cluster_size_bytes
    for offset in filter(None, qcow2_tables.read_l1(file.read_at, header, file.size_bytes)):
        for entry in qcow2_tables.decode_table(qcow2_tables.read_whole(file.read_at, offset, size)):
            if entry & COMPRESSED:
                yield qcow2_tables.decode_l2_entry(entry, header.cluster_bits, header.version)
