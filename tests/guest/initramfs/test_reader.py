import io

import pytest

from imgtool.guest.initramfs import reader as module
from imgtool.guest.initramfs.reader import ArchiveError, Reader, TruncatedError, file_chunks


def make(*chunks: bytes) -> Reader:
    return Reader(iter(chunks))


def test_reads_across_chunks_and_counts_what_it_consumed():
    reader = make(b"ab", b"cde", b"f")
    assert reader.peek(4) == b"abcd"
    assert reader.read(3) == b"abc"
    reader.skip(1)
    assert reader.offset == 4
    assert reader.read(2) == b"ef"
    assert reader.peek(1) == b""


def test_too_few_bytes_are_a_truncation():
    with pytest.raises(TruncatedError, match="2 bytes too early"):
        make(b"abc").read(5)
    with pytest.raises(TruncatedError):
        make(b"abc").skip(4)


def test_what_is_pushed_back_is_read_again():
    reader = make(b"abcdef", b"gh")
    assert reader.take_chunk() == b"abcdef"
    reader.push_back(b"ef")
    assert reader.offset == 4
    assert reader.read(4) == b"efgh"


def test_skips_zeros_over_chunks():
    reader = make(b"\0\0", b"\0", b"\0x")
    reader.skip_zeros()
    assert (reader.offset, reader.peek(1)) == (4, b"x")


@pytest.mark.parametrize(
    ("start", "length", "expected"), [(0, None, b"abcdef"), (2, 3, b"cde"), (4, 99, b"ef")]
)
def test_file_chunks_give_the_window_that_was_asked_for(start, length, expected):
    assert b"".join(file_chunks(io.BytesIO(b"abcdef"), start, length)) == expected


@pytest.mark.parametrize("length", [None, 1 << 60])
def test_a_file_without_end_is_read_to_a_bound(length: int | None, monkeypatch: pytest.MonkeyPatch):
    """A hole makes a file of 64 EiB of one that takes nothing."""
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 700_000)
    read = 0
    with pytest.raises(ArchiveError, match="more than 700000 bytes"):
        for chunk in file_chunks(io.BytesIO(bytes(1 << 20)), 0, length):
            read += len(chunk)
    assert read == 700_000
    assert sum(map(len, file_chunks(io.BytesIO(bytes(700_000)), 0, length))) == 700_000
