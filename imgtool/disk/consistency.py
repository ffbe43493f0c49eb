"""Whether the tables of an image file agree with each other, by `qemu-img check`.

Not in a thread beside the inspection, though it could be: an interruption has to end the program that runs,
and only the main thread hears of it (interrupts.py).
"""

from imgtool import qemu_img
from imgtool.errors import ToolFailedError, ToolMissingError
from imgtool.formats import verify_unchanged
from imgtool.formats.examine import examine_clusters
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.model.image import DiskImage

TIMEOUT_SECONDS = 120.0
"""An image of 2 GiB takes 0.01 s, one of 1 TiB some seconds. One that takes longer was made to."""


def read_consistency(image: DiskImage) -> Fact[bool]:
    """True where `qemu-img check` finds no corruption, or where the format has nothing to check.

    Leaked clusters are no corruption: nothing refers to them, so that they only waste space. Unknown where
    qemu-img is missing, fails, or takes longer than TIMEOUT_SECONDS. Raises ImageUnreadableError where an
    entry of a qcow2's tables cannot be, which is found out before qemu-img sees it, and where the image was
    changed meanwhile.
    """
    if image.wrapper is not None:
        return Unknown(f"it is compressed as a whole ({image.wrapper}): what is inside was not unpacked")
    if image.format == "raw":
        return Known(value=True, evidence="a raw image has no tables")
    examine_clusters(image)
    try:
        found = qemu_img.check(image.path, image.format, timeout_seconds=TIMEOUT_SECONDS)
    except (ToolMissingError, ToolFailedError) as error:
        return Unknown(error.message)
    verify_unchanged(image)
    return _judged(found, image.format)


def _judged(found: qemu_img.CheckResult, image_format: str) -> Fact[bool]:
    if not found.supported:
        return Known(value=True, evidence=f"{image_format} has nothing that qemu-img could check")
    if found.errors:
        return Unknown(f"qemu-img check: {found.errors} errors kept it from its end")
    if found.corruptions:
        return Known(value=False, evidence=f"qemu-img check: {found.corruptions} corruptions")
    if found.leaks:
        return Known(
            value=True, evidence=f"qemu-img check: {found.leaks} leaked clusters, which only waste space"
        )
    return Known(value=True, evidence="qemu-img check: no errors")
