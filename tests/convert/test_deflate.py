"""What a compressed cluster holds, and that it is the same each time."""

import random
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from imgtool.convert.deflate import LEVELS, compressor
from imgtool.disk.inflate import inflate_cluster

KIB = 1024
PIECE_BYTES = 256
"""Within what one call inflates, zlib lets a match look back over all of it: the window is for the next."""


@pytest.mark.parametrize("size", [512, 4 * KIB, 64 * KIB, 64 * KIB + 1, 2 * KIB * KIB])
@pytest.mark.parametrize(
    ("method", "level"), [("zlib", 1), ("zlib", 2), ("zlib", 3), ("zlib", 4), ("zstd", 1)]
)
def test_what_is_compressed_is_smaller_and_inflates_again(method: str, level: int, size: int) -> None:
    content = repetitive(random.Random(size), size)
    compressed = compressor(method, level)(memoryview(content))
    assert len(compressed) < size
    assert inflate_cluster(method, compressed, size) == content


@pytest.mark.parametrize("level", LEVELS["zlib"])
@pytest.mark.parametrize(
    "content", [b"", b"1", b"123", b"1234", b"12345", bytes(21), random.Random(1).randbytes(600)]
)
def test_what_is_short_or_does_not_shrink_is_still_one_whole_stream(level: int, content: bytes) -> None:
    assert inflated(compressor("zlib", level)(memoryview(content))) == content


@pytest.mark.parametrize("level", LEVELS["zlib"])
def test_zlib_looks_back_no_further_than_four_kib(level: int) -> None:
    content = (random.Random(2).randbytes(4 * KIB + 1) * 16)[: 64 * KIB]
    compressed = compressor("zlib", level)(memoryview(content))
    assert inflated(compressed) == content
    assert len(compressed) > 60 * KIB


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_zlib_gives_the_same_bytes_in_every_thread(level: int) -> None:
    """Where ISA-L's own way with a stream's start shows: some 10 of these clusters differ in each thread."""
    source = random.Random(3)
    clusters = [source.randbytes(64) * 8 for _ in range(4000)]
    compress = compressor("zlib", level)
    first, *others = in_threads(4, lambda: [compress(memoryview(cluster)) for cluster in clusters])
    assert all(other == first for other in others)


def repetitive(source: random.Random, size: int) -> bytes:
    """`size` bytes of few kinds, with much to match near and far."""
    words = [bytes(source.choices(b"0123456789", k=source.randrange(3, 40))) for _ in range(300)]
    return b"".join(source.choices(words, k=size // 3 + 1))[:size]


def inflated(data: bytes) -> bytes:
    """`data` inflated by zlib, to which all that is more than 4 KiB back is gone."""
    inflater = zlib.decompressobj(wbits=-12)
    pieces = []
    while not inflater.eof:
        pieces.append(inflater.decompress(data, PIECE_BYTES))
        assert pieces[-1] or inflater.eof
        data = inflater.unconsumed_tail
    assert not inflater.unused_data
    return b"".join(pieces)


def in_threads(count: int, work: Callable[[], list[bytes]]) -> list[list[bytes]]:
    """What `work` returns in each of `count` threads, which live at the same time: each has its own stack."""
    together = Barrier(count)

    def one(_: int) -> list[bytes]:
        together.wait()
        return work()

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(one, range(count)))
