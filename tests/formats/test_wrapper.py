import bz2
import gzip
import io
import lzma
import random
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from typing import BinaryIO

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from support.hostile_streams import HOSTILE

from imgtool.errors import ImageUnreadableError
from imgtool.formats.wrapper import CHUNK_BYTES, PIECE_BYTES, inflate, peek

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "zstd": zstandard.compress,
    "bzip2": bz2.compress,
}
wrappers = st.sampled_from(sorted(COMPRESS))


def _cut(content: bytes, sizes: list[int]) -> Iterator[bytes]:
    stream: BinaryIO = io.BytesIO(content)
    return chain(
        (piece for size in sizes if (piece := stream.read(size))), iter(lambda: stream.read(1000), b"")
    )


@given(wrappers, st.lists(st.binary(max_size=3000), min_size=1, max_size=4), st.lists(st.integers(1, 50)))
def test_any_members_in_any_pieces(wrapper: str, members: list[bytes], sizes: list[int]):
    compressed = b"".join(COMPRESS[wrapper](member) for member in members)
    assert b"".join(inflate(wrapper, _cut(compressed, sizes))) == b"".join(members)


@given(wrappers, st.binary(min_size=1, max_size=3000), st.integers(1, 10_000))
def test_a_cut_is_always_noticed(wrapper: str, content: bytes, length: int):
    compressed = COMPRESS[wrapper](content)
    with pytest.raises(ImageUnreadableError, match=f"its {wrapper} compression (ends too early|is damaged)"):
        list(inflate(wrapper, [compressed[: length % len(compressed)]]))


@given(wrappers, st.binary(max_size=500), st.integers(0, 20))
def test_arbitrary_bytes_end_in_an_expected_error_or_in_content(wrapper: str, noise: bytes, keep: int):
    start = COMPRESS[wrapper](b"something")[:keep]
    try:
        pieces = list(inflate(wrapper, [start + noise]))
    except ImageUnreadableError:
        return
    assert all(pieces)


@pytest.mark.parametrize("wrapper", sorted(COMPRESS))
def test_pieces_are_bounded(wrapper: str):
    compressed = COMPRESS[wrapper](bytes(64 << 20))
    bound = (64 << 20) if wrapper == "zstd" else PIECE_BYTES
    assert max(map(len, inflate(wrapper, [compressed]))) <= bound
    assert len(peek(wrapper, lambda at, length: compressed[at : at + length], len(compressed))) == 2 << 20


def test_memory_that_the_file_asks_for_is_bounded():
    modest = lzma.compress(b"x", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 16 << 20}])
    assert b"".join(inflate("xz", [modest])) == b"x"
    giant = lzma.compress(b"x", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 64 << 20}])
    # The dictionary's size is one byte of the block header (xz format 5.3.1); its CRC32 follows.
    header = bytearray(giant[12:24])
    header[4] = 40
    header[8:12] = zlib.crc32(header[:8]).to_bytes(4, "little")
    with pytest.raises(ImageUnreadableError, match="Memory usage limit"):
        list(inflate("xz", [giant[:12] + bytes(header) + giant[24:]]))
    parameters = zstandard.ZstdCompressionParameters(window_log=31, write_content_size=0)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    wide = compressor.compress(bytes(1000)) + compressor.flush()
    with pytest.raises(ImageUnreadableError, match="too much memory"):
        list(inflate("zstd", [wide]))


def _pieces(content: bytes, length: int) -> Iterator[bytes]:
    return (content[start : start + length] for start in range(0, len(content), length))


def _bgzip(content: bytes) -> bytes:
    """As bgzip of HTSlib writes it: members of 64 KiB, and an empty one at the end."""
    return b"".join(gzip.compress(piece, 1, mtime=0) for piece in (*_pieces(content, 65280), b""))


def _seekable(content: bytes, frame: int, table: int) -> bytes:
    """Frames of zstd, each behind one that is skipped, as pzstd writes them, and a table for seeking."""
    frames = (
        struct.pack("<III", 0x184D2A50, 4, 0) + zstandard.compress(one) for one in _pieces(content, frame)
    )
    return b"".join(frames) + struct.pack("<II", 0x184D2A5E, table) + bytes([1]) * table


NOISE = random.Random(1).randbytes(3 << 19)
DISK = b"".join(NOISE[start : start + 5000] + bytes(60_000) for start in range(0, 400_000, 5000))
HONEST: dict[str, tuple[str, Callable[[], bytes], bytes]] = {
    "bgzip": ("gzip", lambda: _bgzip(DISK), DISK),
    "bgzip of noise": ("gzip", lambda: _bgzip(NOISE), NOISE),
    "two files": ("gzip", lambda: gzip.compress(DISK) + gzip.compress(NOISE), DISK + NOISE),
    "pigz -i": ("gzip", lambda: b"".join(gzip.compress(one) for one in _pieces(DISK, 128 << 10)), DISK),
    "padding": ("gzip", lambda: gzip.compress(DISK) + bytes(4 << 20), DISK),
    "stored": ("gzip", lambda: gzip.compress(NOISE, 0), NOISE),
    "noise in xz": ("xz", lambda: lzma.compress(NOISE, preset=0), NOISE),
    "streams": (
        "xz",
        lambda: b"".join(lzma.compress(one, preset=0) for one in _pieces(DISK, 64 << 10)),
        DISK,
    ),
    "noise in bzip2": ("bzip2", lambda: bz2.compress(NOISE), NOISE),
    "pbzip2": ("bzip2", lambda: b"".join(bz2.compress(one) for one in _pieces(NOISE, 900_000)), NOISE),
    "noise in zstd": ("zstd", lambda: zstandard.compress(NOISE), NOISE),
    "seekable": ("zstd", lambda: _seekable(DISK, 64 << 10, 1000), DISK),
    "small frames": ("zstd", lambda: _seekable(DISK, 10 << 10, 1000), DISK),
    "a large table": ("zstd", lambda: _seekable(DISK, 1 << 20, 2 << 20), DISK),
}
"""What programs write, by name: wrapper, file, content."""


@pytest.mark.parametrize("name", HONEST)
def test_many_members_that_hold_something_pass(name: str) -> None:
    wrapper, make, content = HONEST[name]
    compressed = make()
    for length in (CHUNK_BYTES, 1 << 20):  # of a file, and of a pipe
        assert b"".join(inflate(wrapper, _pieces(compressed, length))) == content


@pytest.mark.parametrize("name", HOSTILE)
def test_what_only_takes_time_is_refused_soon(name: str) -> None:
    """Also behind honest content, and in what the gate reads."""
    wrapper, make = HOSTILE[name]
    compressed = make(1 << 20)
    for content in (compressed, COMPRESS[wrapper](DISK) + compressed):
        began = time.process_time()
        with pytest.raises(ImageUnreadableError, match="which only take time") as caught:
            list(inflate(wrapper, _pieces(content, CHUNK_BYTES)))
        assert time.process_time() - began < 1.0, "a tenth on a machine that has nothing else to do"
        assert caught.value.hint.endswith("-dc")
    with pytest.raises(ImageUnreadableError, match="which only take time"):
        peek(wrapper, lambda offset, length: compressed[offset : offset + length], len(compressed))


def test_what_was_given_before_pays_for_nothing() -> None:
    zeros = zstandard.compress(bytes(64 << 20))
    empty = HOSTILE["empty frames"][1](1 << 16)
    with pytest.raises(ImageUnreadableError, match="very many members"):
        list(inflate("zstd", [zeros + empty]))


def test_a_frame_to_skip_that_is_cut_off_is_told() -> None:
    with pytest.raises(ImageUnreadableError, match="ends too early"):
        list(inflate("zstd", [zstandard.compress(b"x") + struct.pack("<II", 0x184D2A50, 100) + b"x"]))
