import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.unified_image import unified_image

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.initramfs.pe import pe_sections, section_text

IMAGE = unified_image({".linux": b"kernel", ".uname": b"6.9.1\n", ".initrd": b"070701" * 300})


def test_sections_and_their_content():
    stream = io.BytesIO(IMAGE)
    sections = pe_sections(stream)
    assert set(sections) == {".linux", ".uname", ".initrd"}
    assert section_text(stream, sections[".uname"]) == "6.9.1"
    stream.seek(sections[".initrd"].start)
    assert stream.read(sections[".initrd"].length) == b"070701" * 300


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "does not begin with MZ"),
        (b"\x7fELF" + bytes(100), "does not begin with MZ"),
        (b"MZ" + bytes(200), "no PE header at byte 0"),
        (IMAGE[:400], "section table is truncated"),
        (IMAGE[:70] + b"\xff\xff" + IMAGE[72:], "65535 sections"),
    ],
)
def test_what_is_no_pe_file_is_an_error(data, reason):
    with pytest.raises(GuestReadError, match=reason):
        pe_sections(io.BytesIO(data))


@given(st.randoms(use_true_random=False))
def test_mutations_raise_nothing_but_guest_read_errors(source: random.Random):
    data = bytearray(IMAGE)
    for _ in range(5):
        data[source.randrange(450)] = source.randrange(256)
    try:
        sections = pe_sections(io.BytesIO(bytes(data)))
    except GuestReadError:
        return
    assert all(section.length >= 0 for section in sections.values())
