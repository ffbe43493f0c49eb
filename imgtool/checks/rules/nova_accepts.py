"""Nova takes the image in the format in which it is, or will be, delivered.

What it checks
    What Nova's inspection, which is that of oslo.utils, says of the file in its format: a raw disk whose MBR
    it refuses (a boot flag other than 00 and 80, no partition at all, as on a whole-disk file system with
    boot code, partitions beside the protective one, a protective one that does not begin at CHS 0/0/2 and
    sector 1); a VHD; an ISO that is called raw. With `prepare` the image is judged in the format of `-O`.

Why it matters
    The upload goes well, and every instance from it ends in an error: "Image not in a supported format", or
    "Image unacceptable". The disk itself is fine: Alpine, macOS and old partitioning tools write such MBRs,
    and firmware and kernel do not mind. Where Nova clones a raw image inside Ceph it does not look at it.

How to fix
    Deliver it as qcow2, inside which nobody looks:
        imgtool prepare -O qcow2 image.raw
    Or, for a raw image, have its partition table written anew by a current fdisk or sgdisk. An ISO is
    uploaded as it is, by `imgtool upload`.
"""

from imgtool.checks.check import Check, Verdict, failed, passed
from imgtool.formats.acceptance import as_it_is, refusal
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Severity


def examine(inspection: Inspection) -> Verdict:
    """The image in the format that it has, or that it will be delivered in."""
    image = inspection.image
    delivered = inspection.delivered_as
    found = as_it_is(image) if delivered is None else refusal(image, delivered)
    if found is not None:
        return failed(found.message, image.format_evidence, found.hint)
    return passed("Nova takes it in this format", image.format_evidence)


CHECK = Check("nova-accepts", Severity.WARNING, examine)
