"""The image's headers ask for nothing that could harm a host or disclose its files.

What it checks
    The gate looks at the headers before any other program does: no backing file, no external data file,
    no encryption, no unknown or corrupt feature bits, no internal snapshots, tables and sizes within bounds,
    one format only, a format that OpenStack accepts.

Why it matters
    A backing file or an external data file names a file of the machine that opens the image: QEMU reads it
    and its content ends up in the converted image (CVE-2024-32498, CVE-2022-47951). Nova and Glance refuse
    such images. Internal snapshots carry old, perhaps secret, states of the disk, and Nova ignores them.

How to fix
    Flatten the image where it was made and you trust it:
        qemu-img convert -f qcow2 -O qcow2 image.qcow2 flat.qcow2
    Remove internal snapshots:
        qemu-img snapshot -d NAME image.qcow2
"""

from imgtool.checks.check import Check, Verdict, failed, passed
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Severity


def examine(inspection: Inspection) -> Verdict:
    """An image that reached this point has passed the gate; what the gate lets through with care is left."""
    image = inspection.image
    if image.snapshots:
        return failed(
            f"it holds {image.snapshots} internal snapshot(s) of older states of the disk",
            f"{image.origin.path.name}: nb_snapshots = {image.snapshots} in the qcow2 header",
            "delete them (`qemu-img snapshot -d NAME IMAGE`), or convert: a conversion leaves them out",
        )
    return passed("no backing file, no external data, headers within bounds", image.format_evidence)


CHECK = Check("image-safe", Severity.ERROR, examine)
