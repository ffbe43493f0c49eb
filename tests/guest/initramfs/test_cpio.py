import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.archives import cpio, newc

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.initramfs import cpio as module
from imgtool.guest.initramfs.cpio import CpioParser, Member
from imgtool.guest.initramfs.reader import ArchiveError, Reader, TruncatedError

FILES = {"init": "#!/bin/sh\n", "lib/modules/6.1/virtio_blk.ko": b"\x7fELF" * 300, "bin": "->usr/bin"}

names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=60)
contents = st.binary(max_size=300)


def members_of(data: bytes, chunk: int = 7, *, wanted: bool = True) -> list[Member]:
    pieces = (data[at : at + chunk] for at in range(0, len(data), chunk))
    return list(CpioParser(lambda _: wanted).archive(Reader(pieces)))


@pytest.mark.parametrize("kind", ["newc", "crc"])
def test_reads_what_cpio_writes(tmp_path, kind):
    found = {member.name: member for member in members_of(cpio(tmp_path, FILES, kind))}
    assert found["init"].content == b"#!/bin/sh\n"
    assert found["lib/modules/6.1/virtio_blk.ko"].size_bytes == 1200
    assert found["bin"].content == b"usr/bin"
    assert found["lib/modules"].is_directory
    assert not found["init"].is_directory


@pytest.mark.parametrize("kind", ["odc", "bin", "ustar"])
def test_the_formats_that_the_kernel_refuses_are_refused(tmp_path, kind):
    with pytest.raises(ArchiveError, match="no cpio header at byte 0"):
        members_of(cpio(tmp_path, FILES, kind))


@given(st.dictionaries(names, contents, max_size=8))
def test_round_trip(files):
    files = {name: body for name, body in files.items() if name != "TRAILER!!!"}
    found = [(member.name, member.content) for member in members_of(newc(files))]
    tidy = [(_tidied(name), body) for name, body in files.items()]
    assert found == [(name, body) for name, body in tidy if name]


def _tidied(name: str) -> str:
    while name.startswith(("./", "/")):
        name = name[2:] if name.startswith("./") else name[1:]
    return "" if name == "." else name


def test_unwanted_content_is_not_kept():
    (member,) = members_of(newc({"a": b"12345"}), wanted=False)
    assert (member.content, member.size_bytes) == (b"", 5)


def test_content_beyond_the_bound_is_not_kept(monkeypatch):
    monkeypatch.setattr(module, "MAX_CONTENT_BYTES", 4)
    small, large = members_of(newc({"small": b"1234", "large": b"12345"}))
    assert (small.content, large.content) == (b"1234", b"")


def test_every_truncation_is_noticed():
    data = newc({"init": b"abcde", "usr/lib/x": b"z" * 33})
    for length in range(len(data.rstrip(b"\0"))):
        with pytest.raises(ArchiveError):
            members_of(data[:length])


def test_a_member_that_claims_four_gigabytes_is_a_truncation_and_takes_no_memory():
    data = bytearray(newc({"init": b"abcd"}))
    data[54:62] = b"FFFFFFFF"
    with pytest.raises(TruncatedError):
        members_of(bytes(data), wanted=False)


def test_names_longer_than_the_kernel_takes_are_left_out_as_the_kernel_does():
    found = members_of(newc({"x" * 5000: b"1", "init": b"2"}), chunk=999)
    assert [member.name for member in found] == ["init"]


def test_too_many_members_are_an_error(monkeypatch):
    monkeypatch.setattr(module, "MAX_MEMBERS", 3)
    with pytest.raises(ArchiveError, match="more than 3 members"):
        members_of(newc({str(n): b"" for n in range(4)}))


@pytest.mark.parametrize("field", [b"0000 00A", b"+0000001", b"0000_001", b"0x000001", b"GGGGGGGG"])
def test_fields_that_are_no_hexadecimal_numbers_are_refused(field):
    data = bytearray(newc({"init": b"abcd"}))
    data[54:62] = field
    with pytest.raises(ArchiveError, match="no cpio header"):
        members_of(bytes(data))


def test_bytes_that_are_not_utf_8_stay_recognisable():
    (member,) = members_of(newc({"a\udcff": b""}))
    assert member.name == "a\udcff"


@given(st.randoms(use_true_random=False), st.integers(1, 8))
def test_mutations_raise_nothing_but_guest_read_errors(source: random.Random, count):
    data = bytearray(newc({"init": b"abcde", "a/b": b"z" * 40, "./c": b""}))
    for _ in range(count):
        data[source.randrange(len(data))] = source.randrange(256)
    try:
        found = members_of(bytes(data))
    except GuestReadError:
        return
    assert all(member.name for member in found)
