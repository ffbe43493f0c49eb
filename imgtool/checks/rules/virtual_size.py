"""The disk is not larger than the policy allows.

What it checks
    The virtual size of the image against `largest` of the policy, e.g. `largest: 20G`. Skipped where the
    policy names no size.

Why it matters
    An instance needs a flavor with a root disk at least as large as the image's virtual size, however little
    of it is used: an image of 100 GiB shuts out the small flavors, and fills the compute hosts' caches.

How to fix
    Shrink the file system and its partition first, where the image was made, then cut off the rest:
        virt-resize --shrink /dev/sdaN IMAGE SMALLER
"""

from dataclasses import dataclass
from typing import Annotated

from imgtool.checks.check import Check, Parameters, Verdict, failed, passed, unknown
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Severity
from imgtool.util.text import human_size, parse_size


class Size(int):
    """A size in bytes that prints as people write it."""

    def __str__(self) -> str:
        return f"{human_size(self)} ({int(self)} bytes)"


def size(text: str) -> Size:
    """Bytes, with the suffixes of qemu-img, all powers of 1024: 21474836480, 20G, 20 GiB."""
    found = parse_size(text)
    if not found:
        raise ValueError(f"invalid size {text!r} (examples: 20G, 512M, 21474836480)")
    return Size(found)


@dataclass(frozen=True, slots=True)
class VirtualSize(Parameters):
    """What a policy can set."""

    largest: Annotated[Size, size] | None = None
    """The largest that is allowed."""


def examine(inspection: Inspection, parameters: VirtualSize) -> Verdict:
    """The virtual size is within the policy's."""
    size_bytes, largest = inspection.image.virtual_size_bytes, parameters.largest
    if largest is None:
        return passed("any size is allowed")
    if size_bytes == 0:
        return unknown("the size of the disk shows only when the image is decompressed")
    evidence = f"virtual size {Size(size_bytes)}"
    if size_bytes <= largest:
        return passed(f"the disk is not larger than {human_size(largest)}", evidence)
    return failed(
        f"the disk is larger than {human_size(largest)}, the most that the policy allows",
        evidence,
        "shrink the file system and its partition, then the disk: `virt-resize --shrink`",
    )


CHECK = Check("virtual-size", Severity.ERROR, examine, VirtualSize(), on_request=True)
