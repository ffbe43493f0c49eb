"""Windows on the disk: bounds, stripes, complete reads."""

import io

import pytest

from imgtool.guest import streams
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.content import open_checked
from imgtool.guest.streams import Disk, Segment, VolumeStream, linear

CONTENT = bytes(range(256)) * 16


def disk(size: int = len(CONTENT)) -> Disk:
    return Disk(io.BytesIO(CONTENT), size)


def test_segments_follow_each_other() -> None:
    stream = VolumeStream(disk(), [linear(100, 10), linear(0, 0), linear(5, 3)])
    assert stream.size == 13
    assert stream.read() == CONTENT[100:110] + CONTENT[5:8]
    assert stream.seek(-4, io.SEEK_END) == 9
    assert stream.read(2) == CONTENT[109:110] + CONTENT[5:6]
    with pytest.raises(ValueError, match="before the beginning"):
        stream.seek(-100)
    stream.seek(0)


def test_three_stripes() -> None:
    stream = VolumeStream(disk(), [Segment(30, (0, 1000, 2000), 5)])
    expected = b"".join(CONTENT[base + row : base + row + 5] for row in (0, 5) for base in (0, 1000, 2000))
    assert stream.read() == expected
    stream.seek(7)
    assert stream.read(6) == expected[7:13]


def test_a_window_beyond_the_disk_ends_with_the_disk() -> None:
    assert VolumeStream(disk(), [linear(len(CONTENT) - 4, 100)]).read() == CONTENT[-4:]


def test_a_disk_shorter_than_it_says_is_an_error() -> None:
    with pytest.raises(GuestReadError, match="ends before byte"):
        disk(len(CONTENT) + 10).read_at(len(CONTENT) - 2, 5)


def test_endless_reading_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MAX_READS", 3)
    window = disk()
    for _ in range(3):
        window.read_at(0, 1)
    with pytest.raises(GuestReadError, match="more than 3 steps"):
        window.read_at(0, 1)


def test_a_file_that_ends_early_is_an_error_and_not_short() -> None:
    stream = open_checked("ext4:/a\x1b", 100, lambda offset, length: bytes(min(length, 40 - offset)))
    with pytest.raises(GuestReadError, match=r"its content ends at byte 40") as caught:
        stream.read()
    assert str(caught.value).startswith(r"ext4:/a\x1b:")
