"""Small disks with boot loaders on them, in memory: what firmware looks at, and nothing else."""

import io
import struct
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from support.layouts import LAYOUTS  # puts the recipe of the fixtures on the path

from imgtool.guest.filesystems import open_filesystem
from imgtool.guest.mounts import Device
from imgtool.guest.volumes import DiskLayout, read_layout

import loaders  # isort: skip

__all__ = ["GRUB", "LAYOUTS", "Disk", "fat", "loaders", "looked_at", "mbr_disk", "mtools"]

SECTOR = 512
MIB = 1 << 20
GRUB = Path("/usr/lib/grub")

Disk = bytearray


def mtools(image: Path, *command: str | Path) -> None:
    """One of the mtools on a FAT image."""
    program, *rest = map(str, command)
    subprocess.run([program, "-i", image, *rest], check=True, capture_output=True)


@cache
def _empty_fat(size: int, options: tuple[str, ...]) -> bytes:
    with tempfile.TemporaryDirectory() as work:
        image = Path(work, "fat")
        image.write_bytes(bytes(size))
        subprocess.run(["mkfs.vfat", "--invariant", *options, image], check=True, capture_output=True)
        return image.read_bytes()


def fat(files: Mapping[str, bytes], size: int = 4 * MIB, *options: str) -> bytes:
    """A FAT file system with these files; `options` are mkfs.vfat's."""
    with tempfile.TemporaryDirectory() as work:
        image, tree = Path(work, "fat"), Path(work, "tree")
        image.write_bytes(_empty_fat(size, options))
        tree.mkdir()
        for name, content in files.items():
            path = tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if files:
            mtools(image, "mcopy", "-s", *sorted(tree.iterdir()), "::/")
        return image.read_bytes()


def mbr_disk(
    partitions: Sequence[tuple[int, int, int, bytes]], *, code: bytes = b"", size: int = 16 * MIB
) -> Disk:
    """An MBR disk with partitions of (flag, type, first sector, content), each as long as its content."""
    disk = Disk(size)
    disk[: len(code)] = code
    for index, (flag, kind, start, content) in enumerate(partitions):
        sectors = max(1, -(-len(content) // SECTOR))
        struct.pack_into("<B3xB3xII", disk, 446 + 16 * index, flag, kind, start, sectors)
        disk[start * SECTOR : start * SECTOR + len(content)] = content
    disk[510:512] = b"\x55\xaa"
    return disk


def looked_at(disk: bytes | Disk) -> tuple[DiskLayout, list[Device]]:
    """Its layout and the file systems on it."""
    layout = read_layout(io.BytesIO(disk), len(disk))
    partitions = {partition.name: partition for partition in layout.partitions}
    devices = []
    for volume in layout.volumes:
        found = open_filesystem(volume.open(), volume.size_bytes) if volume.size_bytes else None
        if found is not None:
            device = Device(volume, found, None)
            devices.append(replace(device, partition=partitions.get(volume.name)))
    return layout, devices
