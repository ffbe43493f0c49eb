"""What is converted, and into what."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import disks
from bench.kept import FORMS
from bench.model import Task

_BOTH: tuple[Task, ...] = ("qcow2", "raw")
_ALL: tuple[Task, ...] = ("qcow2", "qcow2 zlib", "qcow2 zstd", "raw")


@dataclass(frozen=True, slots=True)
class Workload:
    """A disk, how it is made, and what it is converted into."""

    name: str
    describe: str
    make: Callable[[Path, int], None]
    """Writes a raw file; the number says how many bytes the dense disk has. Raises disks.DiskError."""
    tasks: tuple[Task, ...] = _BOTH
    kept_as: str = ""
    """A form of kept.FORMS that the disk is made into first; empty for a raw file."""
    on_reflink: bool = False
    """Wants a file system whose files can share blocks."""

    @property
    def source_format(self) -> str:
        """As qemu-img calls it."""
        return FORMS[self.kept_as].format if self.kept_as else "raw"

    @property
    def foreign(self) -> bool:
        """Whether the source is of a format that imgtool reads and does not write."""
        return self.source_format not in {"raw", "qcow2"}


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("empty", "100 GiB, nothing allocated", disks.empty),
        Workload("dense", "random data from end to end", disks.dense),
        Workload("half-zeros", "1 MiB of data, 1 MiB of zeros on disk, ...", disks.half_zeros),
        Workload("half-holes", "1 MiB of data, 1 MiB of hole, ...", disks.half_holes),
        Workload("speckled", "4 KiB of data in every 64 KiB", disks.speckled),
        Workload("scattered", "64 MiB of data scattered over 10 TiB", disks.scattered),
        Workload("text", "made-up words", disks.text_like, ("qcow2 zlib", "qcow2 zstd")),
        Workload("debian", "a real Debian 12 image", disks.debian, _ALL),
        Workload("debian-zlib", "the Debian image, compressed", disks.debian, ("raw",), "qcow2 zlib"),
        Workload("debian-zstd", "the Debian image, compressed", disks.debian, ("raw",), "qcow2 zstd"),
        Workload(
            "vmdk-stream", "Debian, a streamOptimized VMDK", disks.debian, _BOTH, "streamOptimized VMDK"
        ),
        Workload("vmdk-sparse", "Debian, a sparse VMDK", disks.debian, ("raw",), "sparse VMDK"),
        Workload("ova", "Debian, an OVA of that streamOptimized VMDK", disks.debian, ("raw",), "OVA"),
        Workload("vhd", "Debian, a dynamic VHD", disks.debian, ("raw",), "dynamic VHD"),
        Workload("vdi", "Debian, a VDI", disks.debian, ("raw",), "VDI"),
        Workload("vhdx", "Debian, a VHDX", disks.debian, ("raw",), "VHDX"),
        Workload("reflink", "dense, where files can share blocks", disks.dense, on_reflink=True),
    )
}
FOREIGN = tuple(name for name, workload in WORKLOADS.items() if workload.foreign)
"""What --formats measures."""


def make_source(workload: Workload, folder: Path, size_bytes: int) -> Path:
    """The file to convert from, synced. Raises disks.DiskError."""
    raw = folder / "source.raw"
    workload.make(raw, size_bytes)
    source = FORMS[workload.kept_as].source(raw) if workload.kept_as else raw
    with source.open("rb") as file:
        os.fsync(file.fileno())
    return source
