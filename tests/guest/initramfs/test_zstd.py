import subprocess
import tracemalloc

import pytest

from imgtool.guest.initramfs.reader import ArchiveError, Reader
from imgtool.guest.initramfs.zstd import inflate_zstd

TEXT = b"".join(b"line %d of a text\n" % number for number in range(8_000))


def packed(*options: str) -> bytes:
    command = ["zstd", "-q", *options, "-c"]
    return subprocess.run(command, input=TEXT, capture_output=True, check=True).stdout


@pytest.mark.parametrize(
    "options",
    [
        ("-1",),
        ("-19",),
        ("--no-check",),
        ("-22", "--ultra"),
        ("--long=27",),
        ("-T2", "-3"),
        ("--single-thread",),
    ],
    ids=" ".join,
)
def test_every_kind_of_frame_ends_where_it_ends(options):
    data = packed(*options)
    reader = Reader(iter([data + b"behind"]))
    assert b"".join(inflate_zstd(reader)) == TEXT
    assert reader.offset == len(data)
    assert reader.read(6) == b"behind"


def test_a_frame_with_its_size_in_one_byte():
    command = ["zstd", "-q", "-c", "--stream-size=5"]
    data = subprocess.run(command, input=b"hello", capture_output=True, check=True).stdout
    assert b"".join(inflate_zstd(Reader(iter([data])))) == b"hello"


def test_a_bomb_is_inflated_one_block_at_a_time():
    """32,000 blocks of four bytes stand for 4 GiB of zeros."""
    block = (1 << 1 | (128 << 10) << 3).to_bytes(3, "little") + b"\0"
    frame = b"\x28\xb5\x2f\xfd" + b"\x00\x38" + block * 32_000
    pieces = inflate_zstd(Reader(iter([frame])))
    tracemalloc.start()
    sizes = [len(next(pieces)) for _ in range(200)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert max(sizes) <= 128 << 10
    assert peak < 4 << 20


def test_a_block_larger_than_the_format_allows_is_refused():
    frame = b"\x28\xb5\x2f\xfd" + b"\x00\x38" + ((200 << 10) << 3).to_bytes(3, "little")
    with pytest.raises(ArchiveError, match="zstd block of 204800 bytes"):
        list(inflate_zstd(Reader(iter([frame]))))


def test_a_window_beyond_the_kernel_s_is_refused():
    frame = b"\x28\xb5\x2f\xfd" + b"\x00\xa8" + b"\x01\0\0"
    with pytest.raises(ArchiveError, match="zstd data are damaged"):
        list(inflate_zstd(Reader(iter([frame]))))


def test_a_wrong_checksum_is_noticed():
    data = bytearray(packed("-3"))
    data[-1] ^= 1
    with pytest.raises(ArchiveError, match="damaged"):
        list(inflate_zstd(Reader(iter([bytes(data)]))))
