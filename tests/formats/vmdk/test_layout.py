"""Our reading of VMDKs and QEMU's: the same disk, of whatever program's file."""

from pathlib import Path
from threading import Event

import pytest
from support.cli import imgtool
from support.images import raw_content
from support.memory_disk import MemorySink
from support.vmdk_images import IMAGES, LARGE

from imgtool.convert.engine import Work, copy
from imgtool.convert.native import piece_bytes, source_of
from imgtool.disk.access import open_disk
from imgtool.formats import admit, open_admitted
from imgtool.model.image import DiskImage
from imgtool.util.progress import NullMeter, NullProgress


def by_source(image: DiskImage) -> bytes:
    sink = MemorySink()
    with open_admitted(image) as file:
        copy(source_of(image, file), sink, Work(piece_bytes(image), 2), NullMeter(), Event())
    return bytes(sink.content)


def by_stream(image: DiskImage) -> bytes:
    with open_disk(image, NullProgress()) as disk:
        return disk.read()


@pytest.mark.parametrize("name", IMAGES)
def test_qemu_reads_the_same(name: str, tmp_path: Path) -> None:
    path = IMAGES[name](tmp_path)
    image = admit(path)
    wanted = raw_content(path, "vmdk")
    assert image.format == "vmdk"
    assert image.virtual_size_bytes == len(wanted)
    assert by_stream(image) == wanted
    assert by_source(image) == wanted


@pytest.mark.parametrize("name", LARGE)
def test_qemu_finds_no_difference(name: str, tmp_path: Path) -> None:
    """What is kept of them stands in many tables, most of which there are not."""
    done = imgtool("convert", LARGE[name](tmp_path), tmp_path / "out.qcow2", "--verify", "full")
    assert done.returncode == 0, done.stderr


def test_there_are_enough_of_them() -> None:
    assert len(IMAGES) + len(LARGE) >= 60
