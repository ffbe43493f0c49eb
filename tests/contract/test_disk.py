"""One contract for every kind of image: `open_disk` gives the same disk, whatever file it is kept in."""

import bz2
import gzip
import io
import lzma
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from support.images import convert, stream_optimized_vmdk

from imgtool.disk.access import open_disk
from imgtool.errors import ImageUnreadableError
from imgtool.formats import admit
from imgtool.util.progress import NullProgress

SIZE = 5 << 20


def _qcow2(*options: str) -> Callable[[Path, Path], Path]:
    return lambda raw, target: convert(raw, target, "raw", "qcow2", *options)


def _other(image_format: str, *options: str) -> Callable[[Path, Path], Path]:
    arguments = [part for option in options for part in ("-o", option)]
    return lambda raw, target: convert(raw, target, "raw", image_format, *arguments)


def _compressed(
    compress: Callable[[bytes], bytes], image_format: str = "raw"
) -> Callable[[Path, Path], Path]:
    def build(raw: Path, target: Path) -> Path:
        inner = convert(raw, target.with_suffix(".inner"), "raw", image_format)
        target.write_bytes(compress(inner.read_bytes()))
        inner.unlink()
        return target

    return build


KINDS: dict[str, tuple[str, Callable[[Path, Path], Path]]] = {
    "raw": ("raw", lambda raw, target: raw.rename(target)),
    "qcow2": ("qcow2", _qcow2()),
    "qcow2 version 2": ("qcow2", _qcow2("-o", "compat=0.10")),
    "qcow2 zlib": ("qcow2", _qcow2("-c")),
    "qcow2 zstd": ("qcow2", _qcow2("-c", "-o", "compression_type=zstd")),
    "qcow2 512": ("qcow2", _qcow2("-c", "-o", "cluster_size=512")),
    "qcow2 2M": ("qcow2", _qcow2("-c", "-o", "cluster_size=2M")),
    "vmdk": ("vmdk", _other("vmdk")),
    "vmdk of qemu's stream": ("vmdk", _other("vmdk", "subformat=streamOptimized")),
    "vmdk stream": ("vmdk", stream_optimized_vmdk),
    "vdi": ("vdi", _other("vdi")),
    "vdi static": ("vdi", _other("vdi", "static=on")),
    "vhd": ("vhd", _other("vpc", "force_size=on")),
    "vhd fixed": ("vhd", _other("vpc", "subformat=fixed,force_size=on")),
    "vhdx": ("vhdx", _other("vhdx")),
    "vhdx 1M": ("vhdx", _other("vhdx", "block_size=1M,block_state_zero=off")),
    "vhdx fixed": ("vhdx", _other("vhdx", "subformat=fixed")),
    "raw gzip": ("gz", _compressed(gzip.compress)),
    "raw xz": ("xz", _compressed(lambda content: lzma.compress(content, preset=0))),
    "raw zstd": ("zst", _compressed(zstandard.compress)),
    "raw bzip2": ("bz2", _compressed(bz2.compress)),
    "qcow2 gzip": ("gz", _compressed(gzip.compress, "qcow2")),
    "vmdk xz": ("xz", _compressed(lambda content: lzma.compress(content, preset=0), "vmdk")),
}


@pytest.fixture
def content() -> bytes:
    """Holes, zeros, text and noise, as disks have them."""
    noise = random.Random(1)
    noise = noise.randbytes(1 << 20)
    parts = [bytes(512), noise[:100_000], b"some text " * 30_000, bytes(1 << 20), noise]
    return b"".join(parts).ljust(SIZE, b"\0")


@pytest.fixture(params=KINDS)
def image_path(request: pytest.FixtureRequest, tmp_path: Path, content: bytes, monkeypatch) -> Path:
    ending, build = KINDS[request.param]
    raw = tmp_path / "source"
    raw.write_bytes(content)
    path = build(raw, tmp_path / f"disk.{ending}")
    raw.unlink(missing_ok=True)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    return path


def test_the_contract(image_path: Path, content: bytes):
    image = admit(image_path)
    before = image_path.read_bytes()
    with open_disk(image, NullProgress()) as disk:
        assert disk.readable()
        assert disk.seekable()
        assert not disk.writable()
        assert disk.read() == content
        assert disk.read(1) == b""
        assert disk.seek(0, io.SEEK_END) == SIZE
        assert image.virtual_size_bytes in {SIZE, 0}
        _reads_anywhere(disk, content)
    assert disk.closed
    assert image_path.read_bytes() == before
    assert list((image_path.parent / "temporary").iterdir()) == []


def _reads_anywhere(disk, content: bytes) -> None:
    chosen = random.Random(2)
    for _ in range(200):
        offset, length = chosen.randrange(SIZE + 1000), chosen.choice([0, 1, 512, 4096, 70_000, 300_000])
        assert disk.seek(offset) == offset
        assert disk.read(length) == content[offset : offset + length]
        assert disk.tell() == max(offset, min(offset + length, SIZE))
    disk.seek(-1000, io.SEEK_END)
    buffer = bytearray(2000)
    assert disk.readinto(buffer) == 1000
    with pytest.raises(ValueError, match=r"before the beginning|negative|Invalid"):
        disk.seek(-1)


def test_nothing_is_left_when_the_reader_fails(image_path: Path):
    with pytest.raises(KeyError), open_disk(admit(image_path), NullProgress()):
        raise KeyError("x")
    assert list((image_path.parent / "temporary").iterdir()) == []


def test_a_changed_image_is_not_opened(image_path: Path):
    image = admit(image_path)
    os.utime(image_path, ns=(0, 0))
    with (
        pytest.raises(ImageUnreadableError, match="it changed after it was examined") as caught,
        open_disk(image, NullProgress()),
    ):
        pytest.fail("it was opened")
    assert caught.value.message.startswith(str(image_path))
    assert list((image_path.parent / "temporary").iterdir()) == []


@pytest.mark.parametrize("image_path", ["raw", "qcow2", "vmdk", "vmdk stream"], indirect=True)
def test_a_disk_that_changes_while_it_is_read_is_noticed(image_path: Path):
    """The others are read whole, into a file of their own, before anything is seen of them."""
    image = admit(image_path)
    with pytest.raises(ImageUnreadableError, match="it changed"), open_disk(image, NullProgress()) as disk:
        disk.read(1 << 20)
        os.utime(image_path, ns=(0, 0))
