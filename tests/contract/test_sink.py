"""One contract for every sink: QEMU reads the same disk from it, whose bytes do not depend on the threads."""

import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from support.images import qemu_img, raw_content
from support.memory_disk import MemorySource

from imgtool.convert.base import Sink
from imgtool.convert.engine import Work, copy
from imgtool.convert.sinks.flat import FileSink, FilledSink, PipeSink, ReservedFileSink
from imgtool.convert.sinks.qcow2 import Qcow2Sink
from imgtool.convert.sinks.qcow2_compressed import CompressedQcow2Sink
from imgtool.errors import ConversionError
from imgtool.util.progress import NullMeter

PIECE = 2 << 20
Make = Callable[[int], Sink[Any]]
SIZES = {"512": 512, "4k": 4 << 10, "64k": 64 << 10, "2M": 2 << 20}

KINDS: dict[str, tuple[str, Make]] = {
    "raw": ("raw", FileSink),
    "raw reserved": ("raw", ReservedFileSink),
    "raw filled": ("raw", FilledSink),
    "pipe": ("raw", PipeSink),
    **{f"qcow2 {name}": ("qcow2", lambda fd, size=size: Qcow2Sink(fd, size)) for name, size in SIZES.items()},
    **{
        f"qcow2 {name} {method} {level}": (
            "qcow2",
            lambda fd, size=size, method=method, level=level: CompressedQcow2Sink(fd, size, method, level),
        )
        for name, size in SIZES.items()
        for method, level in (("zlib", 1), ("zlib", 6), ("zstd", 1))
    },
}


def _disk() -> bytes:
    chosen = random.Random(4)
    noise = chosen.randbytes(1 << 20)
    text = b"".join(b"line %d of some text\n" % number for number in range(60_000))[: 1 << 20]
    scattered = b"".join((noise[:4096] if n % 5 else text[:8192]).ljust(65536, b"\0") for n in range(40))
    return (
        noise
        + bytes(5 << 20)
        + text
        + scattered
        + bytes(3 << 20)
        + noise[: 512 * 301].ljust(4096 * 38, b"\1")
    )


DISKS = {
    "mixed": _disk(),
    "empty": bytes(4096),
    "zeros": bytes(9 << 20),
    "last block": b"x".rjust(5 << 20, b"\0"),
}


def written(make: Make, path: Path, disk: bytes, threads: int) -> Path:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        copy(MemorySource(disk), make(descriptor), Work(PIECE, threads), NullMeter(), Event())
    finally:
        os.close(descriptor)
    return path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("disk", DISKS)
def test_qemu_reads_the_same_disk(kind: str, disk: str, tmp_path: Path) -> None:
    image_format, make = KINDS[kind]
    path = written(make, tmp_path / "disk", DISKS[disk], 3)
    assert raw_content(path, image_format) == DISKS[disk]
    if image_format == "qcow2":
        qemu_img("check", "-q", "-f", "qcow2", path)


@pytest.mark.parametrize("kind", KINDS)
def test_the_output_does_not_depend_on_the_threads(kind: str, tmp_path: Path) -> None:
    _, make = KINDS[kind]
    outputs = {written(make, tmp_path / f"{n}", DISKS["mixed"], n).read_bytes() for n in (1, 2, 5)}
    assert len(outputs) == 1


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind not in {"raw reserved", "raw filled", "pipe"}]
)
def test_zeros_take_no_room(kind: str, tmp_path: Path) -> None:
    path = written(KINDS[kind][1], tmp_path / "disk", DISKS["zeros"], 2)
    # The header, one L1 table, and the refcounts: at most a block of the file system each.
    assert path.stat().st_blocks * 512 <= 5 * 4096


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "raw"])
def test_a_full_disk_is_an_error_of_the_target(kind: str, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", small], check=True)
    try:
        with pytest.raises(ConversionError, match="No space left on device") as caught:
            written(KINDS[kind][1], small / "disk", DISKS["mixed"], 3)
        assert "free some space" in caught.value.hint
    finally:
        subprocess.run(["umount", small], check=True)


def test_a_disk_that_needs_too_large_an_l1_table_is_refused(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "disk", os.O_RDWR | os.O_CREAT)
    try:
        with pytest.raises(ConversionError, match="is too large") as caught:
            Qcow2Sink(descriptor, 512).finish(1 << 40)
    finally:
        os.close(descriptor)
    assert "--cluster-size" in caught.value.hint
