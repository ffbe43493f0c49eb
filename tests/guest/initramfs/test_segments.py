import lzma
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.archives import COMPRESSORS, compress, cpio, newc

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.initramfs import segments as module
from imgtool.guest.initramfs.reader import ArchiveError, Reader
from imgtool.guest.initramfs.segments import read_segments

MICROCODE = newc({"kernel/x86/microcode/GenuineIntel.bin": b"\x01" * 777})
MAIN = newc({"init": b"#!/bin/sh", "lib/modules/6.1/virtio_blk.ko": b"\x7fELF"})
MORE = newc({"lib/firmware/gpu.bin": b"\x02" * 99})


def names(data: bytes) -> list[tuple[str, str]]:
    reader = Reader(data[at : at + 500] for at in range(0, len(data), 500))
    return [(compression, member.name) for compression, member in read_segments(reader, lambda _: False)]


def aligned(data: bytes, to: int = 512) -> bytes:
    return data + bytes(-len(data) % to)


@pytest.mark.parametrize("method", COMPRESSORS)
def test_microcode_first_then_the_compressed_main_segment(method):
    assert names(aligned(MICROCODE) + compress(method, aligned(MAIN))) == [
        ("none", "kernel/x86/microcode/GenuineIntel.bin"),
        (method, "init"),
        (method, "lib/modules/6.1/virtio_blk.ko"),
    ]


@pytest.mark.parametrize("first", sorted(set(COMPRESSORS) - {"lz4"}))
@pytest.mark.parametrize("padding", [0, 1, 4, 4096])
def test_a_second_compressed_segment_right_behind_is_read(first, padding):
    data = compress(first, MAIN) + bytes(padding) + compress("zstd", MORE)
    assert names(data)[-1] == ("zstd", "lib/firmware/gpu.bin")


def test_behind_an_lz4_segment_four_zeros_are_its_end():
    packed = compress("lz4", MAIN)
    assert names(packed + bytes(4) + compress("zstd", MORE))[-1] == ("zstd", "lib/firmware/gpu.bin")
    with pytest.raises(ArchiveError, match="lz4 block of"):
        names(packed + compress("zstd", MORE))


def test_several_archives_in_one_compressed_segment():
    inside = aligned(MAIN, 4) + bytes(512) + MORE
    assert [name for _, name in names(compress("gzip", inside))][-1] == "lib/firmware/gpu.bin"


def test_an_uncompressed_initramfs(tmp_path):
    assert ("none", "init") in names(cpio(tmp_path, {"init": "x", "etc/fstab": ""}))


def test_an_archive_behind_a_compressed_one():
    data = compress("xz", MAIN)
    assert names(aligned(data, 4) + MORE)[-1] == ("none", "lib/firmware/gpu.bin")


def test_a_plain_archive_off_the_four_byte_grid_is_garbage_as_for_the_kernel():
    data = aligned(compress("gzip", MAIN), 4) + b"\0\0" + MORE
    with pytest.raises(ArchiveError, match="trailing garbage"):
        names(data)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"hello", "unknown compression: no known magic at byte 0"),
        (MAIN + b"hello", f"trailing garbage: no known magic at byte {len(MAIN)}"),
        (
            lzma.compress(MAIN, check=lzma.CHECK_CRC64),
            "xz with this integrity check",
        ),
        (b"\x89LZO\0\r\n\x1a\n" + bytes(20), "truncated"),
        (compress("gzip", b"no archive"), "no cpio archive in the gzip data at byte 0"),
        (compress("zstd", MAIN + b"junk"), "no cpio archive in the zstd data"),
        (compress("gzip", MAIN[:-124]), "an archive that ends without its trailer"),
    ],
)
def test_problems_are_named(data, problem):
    with pytest.raises(ArchiveError, match=problem):
        names(data)


def test_members_before_a_problem_are_seen():
    members = read_segments(Reader(iter([MAIN + b"hello"])), lambda _: False)
    assert [next(members)[1].name, next(members)[1].name] == ["init", "lib/modules/6.1/virtio_blk.ko"]
    with pytest.raises(ArchiveError, match="trailing garbage"):
        next(members)


def test_the_inflated_size_is_bounded_over_all_segments(monkeypatch):
    monkeypatch.setattr(module, "MAX_INFLATED_BYTES", 100_000)
    bomb = compress("gzip", newc({"a": bytes(60_000)}))
    assert names(bomb) == [("gzip", "a")]
    with pytest.raises(ArchiveError, match="inflates to more than 100000 bytes"):
        names(bomb * 2)


def test_nothing_and_zeros_hold_nothing():
    assert names(b"") == []
    assert names(bytes(5000)) == []


@pytest.mark.parametrize("method", COMPRESSORS)
def test_every_truncation_is_a_problem_or_loses_a_whole_segment(method):
    data = aligned(MICROCODE) + compress(method, MAIN)
    start = len(aligned(MICROCODE))
    for length in range(len(data)):
        try:
            found = names(data[:length])
        except GuestReadError:
            continue
        assert ("none", "kernel/x86/microcode/GenuineIntel.bin") in found or not found
        assert length == 0 or len(MICROCODE.rstrip(b"\0")) <= length <= start
        assert (method, "init") not in found


@settings(max_examples=200)
@given(st.randoms(use_true_random=False), st.sampled_from(sorted(COMPRESSORS)))
def test_mutations_raise_nothing_but_guest_read_errors(source: random.Random, method):
    data = bytearray(MUTATED[method])
    for _ in range(source.randint(1, 6)):
        data[source.randrange(len(data))] = source.randrange(256)
    try:
        found = names(bytes(data))
    except GuestReadError:
        return
    assert all(name for _, name in found)


MUTATED = {method: aligned(MICROCODE) + compress(method, MAIN) + bytes(8) + MORE for method in COMPRESSORS}
