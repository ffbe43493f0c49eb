"""What is delivered, and as what."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench import disks
from bench.model import Task

ALL_OF_IT = 1 << 62


@dataclass(frozen=True, slots=True)
class Delivery:
    """A disk, and the format that Glance is to have it in."""

    name: str
    workload: str
    task: Task
    describe: str
    large: bool = False
    """The disk is made larger than its data, and delivered once; into a folder by imgtool alone, for its
    memory."""
    ceph: bool = False
    """Into Ceph, by a Glance that converts imports to raw: the bytes on the wire are counted."""


DELIVERIES = {
    delivery.name: delivery
    for delivery in (
        Delivery("compressed", "golden", "qcow2 zlib", "converted, then sent"),
        Delivery("raw", "golden", "raw", "sent as it is"),
        Delivery("qcow2", "golden", "qcow2", "sent as a plain qcow2"),
        Delivery("ceph", "golden in Ceph", "raw", "a raw image in Ceph that can be cloned", ceph=True),
        Delivery("large-raw", "large", "raw", "a large sparse disk, sent whole", large=True),
        Delivery("large-qcow2", "large", "qcow2", "a large sparse disk, sent as a plain qcow2", large=True),
        Delivery(
            "large-ceph", "large in Ceph", "raw", "a large sparse disk, raw in Ceph", large=True, ceph=True
        ),
    )
}


def make_golden(path: Path, image: Path | None) -> None:
    """A copy of `image`, or of the one that scripts/build-image makes. Raises disks.DiskError."""
    if image is None:
        disks.debian(path, ALL_OF_IT)
    else:
        command = ["cp", "--sparse=always", "--no-preserve=mode", str(image), str(path)]
        if subprocess.run(command, check=False).returncode:
            raise disks.DiskError(f"{image} could not be copied, see above")


def grow(path: Path, size_bytes: int) -> None:
    """Append a hole, as an operator does who wants a larger disk from the same image."""
    with path.open("r+b") as file:
        file.truncate(max(size_bytes, path.stat().st_size))
