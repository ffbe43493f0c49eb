"""The tables of the image file agree with each other.

What it checks
    What `qemu-img check` says of the file: that each cluster of the disk has the reference count that its
    tables imply, and lies within the file. An image with the corrupt or the dirty bit set is refused
    before (image-safe). A raw image has no tables. Leaked clusters, which nothing refers to, pass: they
    waste space and harm no data, and a conversion leaves them out.

Why it matters
    Where two tables refer to one cluster, or a reference count is too low, a write to one part of the disk
    changes another: the instance's file system is destroyed while it runs, long after Glance has taken
    the image.

How to fix
    Copy or download the image again; compare its checksum with the publisher's. If you made it, stop the
    virtual machine before you copy its disk, and make it anew. `qemu-img check -r all IMAGE` repairs the
    tables, not the data that was lost: look at the guest's file systems afterwards.
"""

from imgtool.checks.check import Check, Verdict, require
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Severity


def examine(inspection: Inspection) -> Verdict:
    """No corruption was found."""
    return require(
        inspection.consistent,
        good="the image file's tables agree",
        bad="the image file is corrupt: its tables contradict each other",
        remedy="copy the image again from where it was made, or make it anew; "
        "`qemu-img check -r all IMAGE` repairs the tables, not the data that was lost",
    )


CHECK = Check("image-consistent", Severity.ERROR, examine)
