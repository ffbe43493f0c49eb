import bz2
import gzip
import lzma
import os
import resource
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import zstandard
from support.hostile_streams import HOSTILE
from support.images import create

from imgtool.disk import wrapped
from imgtool.disk.wrapped import Budget, unwrap
from imgtool.errors import ImageUnreadableError
from imgtool.formats import admit, open_admitted
from imgtool.model.image import DiskImage
from imgtool.util.progress import NullProgress

MIB = 1 << 20
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
    "bz2": bz2.compress,
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """TMPDIR, in which nothing may be left."""
    path = tmp_path / "folder"
    path.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(path))
    return path


def content_of(image: DiskImage) -> bytes:
    with open_admitted(image) as source:
        return source.read_at(0, source.size_bytes)


class Recorder(NullProgress):
    """Adds up what the meters are told."""

    def __init__(self) -> None:
        self.total_bytes = self.done_bytes = 0

    def meter(self, label: str, total_bytes: int | None):
        self.total_bytes = total_bytes or 0
        return self

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def advance(self, amount_bytes: int) -> None:
        self.done_bytes += amount_bytes


def _file(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("ending", COMPRESS)
def test_the_content_becomes_a_sparse_image(tmp_path: Path, folder: Path, ending: str):
    content = bytes(8 * MIB) + os.urandom(MIB + 7) + bytes(3 * MIB)
    path = _file(tmp_path / f"disk.raw.{ending}", COMPRESS[ending](content))
    progress = Recorder()
    image = unwrap(admit(path), progress)
    assert content_of(image) == content
    assert (image.format, image.wrapper, image.path) == ("raw", None, path)
    assert os.listdir(folder) == []
    assert image.allocated_bytes < 2 * MIB
    assert progress.done_bytes == progress.total_bytes == path.stat().st_size


@pytest.mark.parametrize("ending", COMPRESS)
def test_members_that_follow_each_other_are_one_content(tmp_path: Path, ending: str):
    compress, parts = COMPRESS[ending], [bytes(100_000), os.urandom(100_000), b"x" * 100_000]
    path = _file(tmp_path / f"x.{ending}", b"".join(map(compress, parts)) + bytes(512))
    assert content_of(unwrap(admit(path), NullProgress())) == b"".join(parts)


@pytest.mark.parametrize("ending", COMPRESS)
@pytest.mark.parametrize("damage", ["cut", "flip", "garbage"])
@pytest.mark.parametrize("zeros", [512, 3 * MIB])
def test_damage_is_noticed_and_leaves_nothing(
    tmp_path: Path, folder: Path, ending: str, damage: str, zeros: int
):
    """By the gate where it looks at so much, else when it is inflated."""
    content = bytearray(COMPRESS[ending](bytes(zeros) + os.urandom(MIB // 2)))
    if damage == "cut":
        del content[-3:]
    elif damage == "flip":
        content[MIB // 4] ^= 0xFF
    else:
        content += b"garbage after the end"
    path = _file(tmp_path / f"x.{ending}", bytes(content))
    with pytest.raises(ImageUnreadableError, match=r"compression is damaged|ends too early") as caught:
        unwrap(admit(path), NullProgress())
    assert caught.value.message.startswith(f"{path}: its ")
    assert list(folder.iterdir()) == []


def test_bombs_end_early(tmp_path: Path, folder: Path, monkeypatch):
    module = "imgtool.disk.wrapped"
    pattern = os.urandom(65536)
    path = _file(tmp_path / "x.zst", zstandard.compress(bytes(512) + pattern * 1024))
    monkeypatch.setattr(f"{module}.RATIO_ALLOWANCE_BYTES", 0)
    monkeypatch.setattr(f"{module}.MAX_RATIO", 100)
    with pytest.raises(ImageUnreadableError, match="more than 100 times its size: a bomb"):
        unwrap(admit(path), NullProgress())
    zeros = _file(tmp_path / "zeros.zst", zstandard.compress(bytes(64 * MIB)))
    assert unwrap(admit(zeros), NullProgress()).allocated_bytes == 0
    monkeypatch.setattr(f"{module}.LIMITS.content_bytes", 32 * MIB)
    with pytest.raises(ImageUnreadableError, match=r"larger than 32\.0 MiB"):
        unwrap(admit(zeros), NullProgress())
    assert os.listdir(folder) == []


def test_the_content_passes_the_whole_gate(tmp_path: Path, folder: Path):
    base = create(tmp_path / "x.qcow2")
    with base.open("r+b") as file:
        file.truncate(100_000)
    image = admit(_file(tmp_path / "x.qcow2.gz", gzip.compress(base.read_bytes())))
    with pytest.raises(ImageUnreadableError, match="what is inside: its L1 table lies beyond") as caught:
        unwrap(image, NullProgress())
    assert caught.value.message.startswith(str(image.path))
    assert list(folder.iterdir()) == []


def test_no_space_left_is_said_plainly(tmp_path: Path, folder: Path, monkeypatch):
    image = admit(_file(tmp_path / "x.gz", gzip.compress(bytes(512) + os.urandom(MIB))))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MIB // 2, limits[1]))
    try:
        with pytest.raises(ImageUnreadableError, match="to a temporary file: File too large") as caught:
            unwrap(image, NullProgress())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "TMPDIR" in caught.value.hint
    assert list(folder.iterdir()) == []
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "missing"))
    with pytest.raises(ImageUnreadableError, match="No such file"):
        unwrap(image, NullProgress())


@pytest.mark.parametrize("ending", COMPRESS)
@pytest.mark.parametrize("mixed", ["a byte in each block", "data, zeros, data", "many members"])
def test_what_is_written_is_bounded_by_what_was_given(
    tmp_path: Path, folder: Path, ending: str, mixed: str, monkeypatch: pytest.MonkeyPatch
):
    """Zeros between data pay for nothing: what counts is what stands in the temporary file."""
    monkeypatch.setattr("imgtool.disk.wrapped.RATIO_ALLOWANCE_BYTES", 2 * MIB)
    monkeypatch.setattr("imgtool.disk.wrapped.MAX_RATIO", 100)
    pattern = os.urandom(65536)
    content = {
        "a byte in each block": (bytes(65535) + b"x") * 128,
        "data, zeros, data": (pattern[:4096] + bytes(MIB)) * 8 + pattern * 2,
        "many members": b"",
    }[mixed]
    compressed = COMPRESS[ending](content) if mixed != "many members" else _once_and_zeros(ending, pattern)
    image = admit(_file(tmp_path / f"x.{ending}", compressed), "raw")
    written, write = [], wrapped._write
    monkeypatch.setattr(wrapped, "_write", lambda *given: written.append(write(*given)) or written[-1])
    with suppress(ImageUnreadableError):
        unwrap(image, NullProgress())
    most_at_once = (64 if ending == "zst" else 1) * MIB
    assert 0 < sum(written) <= 100 * len(compressed) + 2 * MIB + most_at_once


def _once_and_zeros(ending: str, pattern: bytes) -> bytes:
    """Members of data, and of zeros with a byte in each block."""
    compress = COMPRESS[ending]
    return (compress(pattern) + compress((bytes(65535) + b"x") * 64)) * 8


def test_zeros_take_time_in_proportion_too() -> None:
    allowed = (64 << 30) + (100 << 16)
    Budget(100).check(allowed, 0)
    with pytest.raises(ImageUnreadableError, match="65536 times its size, nearly all of it zeros"):
        Budget(100).check(allowed + 1, 0)
    Budget(None).check(allowed + 1, allowed + 1)


@pytest.mark.parametrize("ratio", [1032, 32_768])
def test_an_empty_disk_of_any_size_passes(ratio: int) -> None:
    """gzip's and zstd's best."""
    for size in (1 << 30, 1 << 36, 1 << 41):
        Budget(size // ratio).check(size, 0)


@pytest.mark.parametrize("name", HOSTILE)
def test_what_only_takes_time_leaves_nothing(name: str, tmp_path: Path, folder: Path) -> None:
    """It begins as a disk does, so that only what comes behind is wrong."""
    wrapper, make = HOSTILE[name]
    disk = bytes(512) + os.urandom(5 * MIB // 2)
    ending = {"gzip": "gz", "xz": "xz", "zstd": "zst", "bzip2": "bz2"}[wrapper]
    image = admit(_file(tmp_path / "x", COMPRESS[ending](disk) + make(MIB)))
    with pytest.raises(ImageUnreadableError, match="which only take time"):
        unwrap(image, NullProgress())
    assert list(folder.iterdir()) == []
