import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from typing import BinaryIO

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from imgtool.errors import ImageUnreadableError
from imgtool.formats.wrapper import PIECE_BYTES, inflate, peek

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
