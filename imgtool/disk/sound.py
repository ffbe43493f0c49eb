"""Whether each compressed cluster of a qcow2 fills one: asked before another program inflates them.

Our own reader finds out while it reads. This reads and inflates all of them, and is for `--engine qemu-img`.
"""

from collections.abc import Iterator

from imgtool.disk.inflate import inflate_cluster
from imgtool.formats import open_admitted, qcow2_header, qcow2_tables
from imgtool.formats.qcow2_header import Qcow2Header
from imgtool.formats.qcow2_tables import COMPRESSED, Cluster
from imgtool.formats.source import Source, naming
from imgtool.model.image import DiskImage


def check_compressed_clusters(image: DiskImage) -> None:
    """Raise ImageUnreadableError unless all compressed clusters of the qcow2 `image` can be inflated."""
    with open_admitted(image) as file, naming(image.origin.path):
        header = qcow2_header.read(file.read_at)
        for cluster in _compressed(file, header):
            data = file.read_at(cluster.offset, cluster.length)
            inflate_cluster(header.compression_type, data, header.cluster_size_bytes)


def _compressed(file: Source, header: Qcow2Header) -> Iterator[Cluster]:
    size = header.cluster_size_bytes
    for offset in filter(None, qcow2_tables.read_l1(file.read_at, header, file.size_bytes)):
        for entry in qcow2_tables.decode_table(qcow2_tables.read_whole(file.read_at, offset, size)):
            if entry & COMPRESSED:
                yield qcow2_tables.decode_l2_entry(entry, header.cluster_bits, header.version)
