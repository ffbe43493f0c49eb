"""All that is known of one image."""

from dataclasses import dataclass

from imgtool.model.boot import BootResult
from imgtool.model.cloud_boot import CloudBoot
from imgtool.model.difference import Difference
from imgtool.model.facts import NOT_READ, Fact
from imgtool.model.guest import GuestFacts
from imgtool.model.image import DiskImage


@dataclass(frozen=True, slots=True)
class DiskMap:
    """Where an image file keeps data of its disk: the disk in cells of one size, in order."""

    size_bytes: int
    cell_bytes: int
    """Of each cell; the last one may go on beyond the end of the disk."""
    filled: tuple[float, ...]
    """For each cell the share of it, 0 to 1, that is kept; the rest reads as zeros: holes of a raw file,
    unallocated and zero clusters of a qcow2. Zeros that were written as data are kept. Of disks with very
    many clusters or extents an estimate, from samples."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """All that is known of one image; what the checks judge."""

    image: DiskImage
    guest: GuestFacts
    consistent: Fact[bool] = NOT_READ
    """`qemu-img check` finds no corruption; true of formats that have nothing to check. Leaked clusters
    only waste space: they stand in the evidence."""
    disk_map: DiskMap | None = None
    """None where nobody asked for it, or where neither the file nor its file system can tell."""
    delivered_as: str | None = None
    """The format of `-O`, where it is to be delivered; None: as it is."""
    boots: tuple[BootResult, ...] = ()
    """How it came up on each bus that a boot was asked for; none where nobody asked, or a check failed."""
    cloud_boots: tuple[CloudBoot, ...] = ()
    """What the servers showed that clouds started from it; none where nobody asked."""
    sha256: str | None = None
    """Of the file that the user named, in hex; None where nobody asked for it, or it comes from stdin."""
    difference: Difference | None = None
    """From the image that it was compared with; None where it was with none."""
