"""Headers made by hand: what no tool writes."""

import struct

import pytest

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.packages.rpm_header import Header, parse_header

DATA = b"C\0bash\x005.2\x001.el9\0\0\0\0\x07"
WORDS = ((1000, 6, 2, 1), (1001, 6, 7, 1), (1002, 6, 11, 1))


def header(*entries: tuple[int, int, int, int], data: bytes = DATA, size: int | None = None) -> bytes:
    index = b"".join(struct.pack(">IIII", *entry) for entry in entries)
    return struct.pack(">II", len(entries), len(data) if size is None else size) + index + data


def test_name_version_release_and_epoch():
    assert parse_header(header(*WORDS)) == Header("bash", "5.2-1.el9")
    assert parse_header(header(*WORDS, (1003, 4, 17, 1))) == Header("bash", "7:5.2-1.el9")


def test_more_bytes_are_asked_for_as_long_as_a_word_is_cut():
    whole = header(*WORDS, (1003, 4, 17, 1))
    assert [length for length in range(len(whole)) if parse_header(whole[:length]) is not None] == []


@pytest.mark.parametrize(
    "blob",
    [
        header(),
        header(*WORDS[1:]),
        header((1000, 6, 900, 1), *WORDS[1:]),
        header((1000, 4, 2, 1), *WORDS[1:]),
        header((1000, 6, 6, 1), *WORDS[1:]),
        header(*WORDS, (1003, 4, 20, 1)),
        header(*WORDS, data=b"x" * 400),
        struct.pack(">II", 1 << 30, 5) + bytes(100),
    ],
    ids=["empty", "no name", "outside", "no string", "empty name", "epoch", "no end", "huge"],
)
def test_a_damaged_header_is_unknown(blob: bytes):
    with pytest.raises(GuestReadError):
        parse_header(blob)


def test_words_are_made_printable():
    found = parse_header(header(*WORDS, data=DATA.replace(b"bash", b"b\x1b[m")))
    assert found is not None
    assert found.name == "b\\x1b[m"
