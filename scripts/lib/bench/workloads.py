"""What is converted, and into what."""

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import disks
from bench.model import Task


@dataclass(frozen=True, slots=True)
class Workload:
    """A disk, how it is made, and what it is converted into."""

    name: str
    describe: str
    make: Callable[[Path, int], None]
    """Writes a raw file; the number says how many bytes the dense disk has. Raises disks.DiskError."""
    tasks: tuple[Task, ...] = ("qcow2", "raw")
    packed: str = ""
    """zlib or zstd: the source is a compressed qcow2 of that disk, made by `qemu-img convert -c`."""
    on_reflink: bool = False
    """Wants a file system whose files can share blocks."""

    @property
    def source_format(self) -> str:
        """As qemu-img calls it."""
        return "qcow2" if self.packed else "raw"


_ALL: tuple[Task, ...] = ("qcow2", "qcow2 zlib", "qcow2 zstd", "raw")

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
        Workload("debian-zlib", "the Debian image, compressed", disks.debian, ("raw",), packed="zlib"),
        Workload("debian-zstd", "the Debian image, compressed", disks.debian, ("raw",), packed="zstd"),
        Workload("reflink", "dense, where files can share blocks", disks.dense, on_reflink=True),
    )
}


def make_source(workload: Workload, folder: Path, size_bytes: int) -> Path:
    """The file to convert from, synced. Raises disks.DiskError."""
    raw = folder / "source.raw"
    workload.make(raw, size_bytes)
    source = _packed(raw, workload.packed) if workload.packed else raw
    with source.open("rb") as file:
        os.fsync(file.fileno())
    return source


def _packed(raw: Path, compression: str) -> Path:
    target = raw.with_name("source.qcow2")
    options = ["-c", "-o", f"compression_type={compression}"]
    command = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", *options, str(raw), str(target)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise disks.DiskError(f"qemu-img: {done.stderr.strip()}")
    raw.unlink()
    return target
