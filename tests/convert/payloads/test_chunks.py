"""Parts on their way: the same bytes, in chunks of a good size."""

from hypothesis import given, settings
from hypothesis import strategies as st

from imgtool.convert.payloads.chunks import CHUNK_BYTES, DIRECT_BYTES, Chunks, filled, joined, zeros

SIZES = st.one_of(
    st.integers(0, 9000),
    st.sampled_from([DIRECT_BYTES - 1, DIRECT_BYTES, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1]),
    st.integers(CHUNK_BYTES, 3 * CHUNK_BYTES),
)


def made(sizes: list[int]) -> Chunks:
    for number, size in enumerate(sizes, 1):
        yield memoryview(bytes([number]) * size)


@given(st.lists(SIZES, max_size=12))
@settings(max_examples=60)
def test_the_same_bytes_come_out(sizes: list[int]) -> None:
    chunks = [bytes(chunk) for chunk in joined(made(sizes))]
    assert b"".join(chunks) == b"".join(bytes(part) for part in made(sizes))
    assert all(0 < len(chunk) <= CHUNK_BYTES for chunk in chunks)


def test_many_small_parts_become_few_chunks() -> None:
    assert len(list(joined(made([4096] * 250)))) == 1


def test_large_parts_are_not_copied() -> None:
    part = memoryview(bytearray(b"a" * CHUNK_BYTES))
    chunk = next(joined(part for part in [part]))
    part[0:1] = b"b"
    assert chunk[0:1] == b"b"


def test_closing_closes_what_the_parts_come_from() -> None:
    closed = []

    def parts() -> Chunks:
        try:
            yield memoryview(bytes(CHUNK_BYTES))
            yield memoryview(b"never asked for")
        finally:
            closed.append(True)

    chunks = joined(parts())
    next(chunks)
    chunks.close()
    assert closed == [True]


@given(st.integers(0, 3 * CHUNK_BYTES))
@settings(max_examples=20)
def test_zeros(length: int) -> None:
    assert b"".join(zeros(length)) == bytes(length)


def test_zeros_are_one_buffer() -> None:
    assert len({id(chunk.obj) for chunk in zeros(100 * CHUNK_BYTES)}) == 1


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 3000)), max_size=8), st.integers(0, 3000))
def test_gaps_are_filled_with_zeros(spans: list[tuple[int, int]], rest: int) -> None:
    expected, parts = bytearray(), []
    for gap, length in spans:
        expected += bytes(gap)
        parts.append((len(expected), memoryview(b"x" * length)))
        expected += b"x" * length
    expected += bytes(rest)
    assert b"".join(filled(parts, len(expected))) == expected
