"""One row of the tables of verdicts: what is done to a copy of a good image, and which check fails by it."""

from collections.abc import Callable
from dataclasses import dataclass

from support.verdict_images import Disk, Guest

INITRAMFS = "virtio-initramfs"
"""What fails where the kernel `bad` is started."""


@dataclass(frozen=True, slots=True)
class Case:
    """A guest changed in one point."""

    name: str
    fails: str | None
    """The check that names the step at which the boot stops; None: the image is good."""
    guest: Callable[[Guest], object] | None = None
    """Done to the mounted root."""
    disk: Callable[[Disk], object] | None = None
    """Done to the disk afterwards."""
    says: str = ""
    """In the message or the evidence of that check."""
    extlinux: bool = False
    """The copy is of the disk with an MBR and EXTLINUX."""
