"""Makes disk images with qemu-img and qemu-io, and patches their headers."""

import json
import os
import struct
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from imgtool.errors import ImgtoolError
from imgtool.formats import admit
from imgtool.model.image import DiskImage
from imgtool.process.qemu_img import OpenImage


def qemu_img(*arguments: str | Path) -> str:
    return subprocess.run(["qemu-img", *arguments], check=True, capture_output=True, encoding="utf-8").stdout


def qemu_io(path: Path, commands: Sequence[str], image_format: str = "qcow2") -> None:
    """Write patterns: commands such as `write -P 7 0 64k`, `write -z 1M 64k`, `write -c 2M 64k`."""
    options = [option for command in commands for option in ("-c", command)]
    subprocess.run(["qemu-io", "-f", image_format, *options, path], check=True, stdout=subprocess.PIPE)


def create(path: Path, image_format: str = "qcow2", size: str = "1M", *options: str) -> Path:
    """An empty image; each option as for `-o`: `cluster_size=4k`."""
    extra = [part for option in options for part in ("-o", option)]
    qemu_img("create", "-q", "-f", image_format, *extra, path, size)
    return path


def create_unsafe(path: Path) -> Path:
    """A qcow2 that names a file of the host as its backing file."""
    qemu_img("create", "-q", "-u", "-f", "qcow2", "-b", "/etc/hostname", "-F", "raw", path, "1M")
    return path


def convert(source: Path, target: Path, source_format: str, target_format: str, *arguments: str) -> Path:
    qemu_img("convert", "-f", source_format, "-O", target_format, *arguments, source, target)
    return target


@contextmanager
def opened(path: Path, image_format: str, *, new: bool = False) -> Iterator[OpenImage]:
    """The file at `path` as imgtool gives it to qemu-img; `new` makes it, for writing."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL if new else os.O_RDONLY)
    try:
        yield OpenImage(descriptor, image_format)
    finally:
        os.close(descriptor)


class Info(NamedTuple):
    """What `qemu-img info` says."""

    format: str
    virtual_size_bytes: int
    allocated_bytes: int


def info(path: Path, image_format: str) -> Info:
    answer = json.loads(qemu_img("info", "--output=json", "-f", image_format, path))
    return Info(answer["format"], answer["virtual-size"], answer["actual-size"])


def raw_content(path: Path, image_format: str) -> bytes:
    """What QEMU reads from the image: the judge of our own reader."""
    target = convert(path, path.with_name(path.name + ".judge"), image_format, "raw")
    try:
        return target.read_bytes()
    finally:
        target.unlink()


def patch(path: Path, offset: int, content: bytes) -> Path:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)
    return path


def patch_u32(path: Path, offset: int, value: int) -> Path:
    return patch(path, offset, struct.pack(">I", value))


def patch_u64(path: Path, offset: int, value: int) -> Path:
    return patch(path, offset, struct.pack(">Q", value))


def read_u64(path: Path, offset: int) -> int:
    with path.open("rb") as file:
        file.seek(offset)
        return int.from_bytes(file.read(8), "big")


def stream_optimized_vmdk(raw: Path, target: Path) -> Path:
    """As VMware's tools write it: the header says that the grain directory's place stands in a footer."""
    convert(raw, target, "raw", "vmdk", "-o", "subformat=streamOptimized")
    content = target.read_bytes()
    footer = content[:512]
    header = footer[:56] + b"\xff" * 8 + footer[64:]
    marker = struct.pack("<QII", 1, 0, 3).ljust(512, b"\0")
    target.write_bytes(header + content[512:].ljust(-(-len(content) // 512) * 512 - 512, b"\0"))
    with target.open("ab") as file:
        file.write(marker + footer + bytes(512))
    return target


def judgement(path: str | Path) -> DiskImage | ImgtoolError:
    """What the gate says, or how it refuses: anything else that it raises is a failed test."""
    try:
        return admit(path)
    except ImgtoolError as error:
        return error
