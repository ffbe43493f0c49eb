import bz2
import gzip
import lzma
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from support.images import convert, create, qemu_img

from imgtool.disk.access import open_disk
from imgtool.disk.wrapped import unwrap
from imgtool.errors import FormatMismatchError, ImageUnreadableError, UnsafeImageError
from imgtool.formats import admit
from imgtool.progress import NullProgress

MIB = 1 << 20
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
    "bz2": bz2.compress,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "folder"
    path.mkdir()
    return path


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
    image = unwrap(admit(path), folder, progress)
    assert image.path.read_bytes() == content
    assert (image.format, image.wrapper, image.path.parent) == ("raw", None, folder)
    assert image.allocated_bytes < 2 * MIB
    assert progress.done_bytes == progress.total_bytes == path.stat().st_size


@pytest.mark.parametrize("ending", COMPRESS)
def test_members_that_follow_each_other_are_one_content(tmp_path: Path, folder: Path, ending: str):
    compress, parts = COMPRESS[ending], [bytes(100_000), os.urandom(100_000), b"x" * 100_000]
    path = _file(tmp_path / f"x.{ending}", b"".join(map(compress, parts)) + bytes(512))
    assert unwrap(admit(path), folder, NullProgress()).path.read_bytes() == b"".join(parts)


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
        unwrap(admit(path), folder, NullProgress())
    assert caught.value.message.startswith(f"{path}: its ")
    assert list(folder.iterdir()) == []


def test_bombs_end_early(tmp_path: Path, folder: Path, monkeypatch):
    module = "imgtool.disk.bounds"
    pattern = os.urandom(65536)
    path = _file(tmp_path / "x.zst", zstandard.compress(bytes(512) + pattern * 1024))
    monkeypatch.setattr(f"{module}.RATIO_ALLOWANCE_BYTES", 0)
    monkeypatch.setattr(f"{module}.MAX_RATIO", 100)
    with pytest.raises(ImageUnreadableError, match="more than 100 times its size: a bomb"):
        unwrap(admit(path), folder, NullProgress())
    zeros = _file(tmp_path / "zeros.zst", zstandard.compress(bytes(64 * MIB)))
    assert unwrap(admit(zeros), folder, NullProgress()).allocated_bytes == 0
    monkeypatch.setattr(f"{module}.LIMITS.content_bytes", 32 * MIB)
    with pytest.raises(ImageUnreadableError, match=r"larger than 32\.0 MiB"):
        unwrap(admit(zeros), folder, NullProgress())
    assert len(list(folder.iterdir())) == 1


def test_the_content_passes_the_whole_gate(tmp_path: Path, folder: Path):
    base = create(tmp_path / "x.qcow2")
    with base.open("r+b") as file:
        file.truncate(100_000)
    image = admit(_file(tmp_path / "x.qcow2.gz", gzip.compress(base.read_bytes())))
    with pytest.raises(ImageUnreadableError, match="what is inside: its L1 table lies beyond") as caught:
        unwrap(image, folder, NullProgress())
    assert caught.value.message.startswith(str(image.path))
    assert list(folder.iterdir()) == []


def test_a_guest_that_writes_a_qcow2_header_into_its_disk(tmp_path: Path):
    inner = tmp_path / "inner.qcow2"
    qemu_img("create", "-q", "-u", "-f", "qcow2", "-b", "/etc/hostname", "-F", "raw", inner, "1M")
    outer = convert(inner, tmp_path / "outer.vmdk", "raw", "vmdk")
    image, refused = (
        admit(outer),
        pytest.raises((FormatMismatchError, UnsafeImageError), match="/etc/hostname"),
    )
    with refused as caught, open_disk(image, NullProgress()):
        pytest.fail("it was opened")
    assert caught.value.message.startswith(f"{outer}: what is inside: ")


def test_no_space_left_is_said_plainly(tmp_path: Path, folder: Path):
    image = admit(_file(tmp_path / "x.gz", gzip.compress(bytes(512) + os.urandom(MIB))))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MIB // 2, limits[1]))
    try:
        with pytest.raises(ImageUnreadableError, match="to a temporary file: File too large") as caught:
            unwrap(image, folder, NullProgress())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "TMPDIR" in caught.value.hint
    assert list(folder.iterdir()) == []
    with pytest.raises(ImageUnreadableError, match="No such file"):
        unwrap(image, tmp_path / "missing", NullProgress())
