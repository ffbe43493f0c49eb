"""What the gate looks at in a qcow2 before another program reads it: every entry of its L2 tables.

`admit` looks at what names tables; to look at all that the tables name takes 0.1 us a cluster and more, which
our own reader does not need, since it decodes each entry when it comes to it.
"""

from imgtool.formats import qcow2_header, qcow2_tables
from imgtool.formats.gate import open_admitted
from imgtool.formats.qcow2_usage import check_l2_tables
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
