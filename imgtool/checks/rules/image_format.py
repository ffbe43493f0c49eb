"""The image is in the format that its name and its caller say.

What it checks
    The content, by libmagic, by OpenStack's own format inspector and by our header parsers, against the
    name's ending (.raw, .qcow2, .vmdk, ...) and against --source-format. An ending like .img claims nothing.

Why it matters
    Glance stores a wrongly labelled image without complaint and Nova fails later, or worse: a "raw" image
    that is really a qcow2 is probed, and its header can name a backing file on the compute host.

How to fix
    Rename the file, or give --source-format, so that the claim is what the content is. If the content is
    not what you expected, find out where the image came from before using it.
"""

from imgtool.checks.check import Check, Verdict, passed
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Severity


def examine(inspection: Inspection) -> Verdict:
    """The gate compares claim and content and refuses a contradiction (`registry.refused`)."""
    image = inspection.image
    return passed(f"the content is {image.format}, as claimed", image.format_evidence)


CHECK = Check("image-format", Severity.ERROR, examine)
