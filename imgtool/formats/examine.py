"""What the gate looks at in a qcow2 before another program reads it: every entry of its L2 tables.

`admit` looks at what names tables; to look at all that the tables name takes 0.1 us a cluster and more, which
our own reader does not need, since it decodes each entry when it comes to it.
"""

from imgtool.formats.gate import open_admitted
from imgtool.formats.layout import MAPPED_FORMATS, read_layout
from imgtool.formats.qcow2 import header as qcow2_header
from imgtool.formats.qcow2 import snapshots as qcow2_snapshots
from imgtool.formats.qcow2 import tables as qcow2_tables
from imgtool.formats.qcow2.usage import check_l2_tables
from imgtool.formats.source import naming
from imgtool.model.image import DiskImage


def examine_clusters(image: DiskImage) -> None:
    """Raise ImageUnreadableError unless every entry of the L2 tables of `image` can be.

    Of other formats than qcow2, and of what is compressed as a whole, there is nothing to look at.
    """
    if image.format != "qcow2" or image.wrapper is not None or image.streamed:
        return
    with open_admitted(image) as file, naming(image.origin.path):
        header = qcow2_header.read(file.read_at)
        tables, clusters = qcow2_tables.read_tables(file.read_at, header, file.size_bytes)
        check_l2_tables(file.read_at, header, tables, clusters)


def table_bytes(image: DiskImage) -> int:
    """How many bytes of tables it takes time to check: those of a qcow2, for each snapshot, and of a VMDK.

    The others are read in a fraction of a second, whatever their size (block_table.py), and are 0. Raises
    ImageUnreadableError.
    """
    with open_admitted(image) as file, naming(image.origin.path):
        if image.format in MAPPED_FORMATS:
            return read_layout(image.format, file.read_at, file.size_bytes).table_bytes
        if image.format != "qcow2":
            return 0
        header = qcow2_header.read(file.read_at)
        tables, clusters = qcow2_tables.read_tables(file.read_at, header, file.size_bytes)
        count = len(tables) - tables.count(0)
        count += qcow2_snapshots.count_l2_tables(file.read_at, header, clusters)
        return count * header.cluster_size_bytes
