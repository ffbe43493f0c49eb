"""The pure functions over extents, against sets of blocks; the search for zeros, against a simple one."""

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from imgtool.convert.extents import GRAIN_BYTES, Extent, align, clip, data_runs, gaps, merge

EXTENTS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), max_size=9).map(
    lambda pairs: sorted(Extent(start, start + length) for start, length in pairs)
)


def points(extents) -> set[int]:
    return {point for start, end in extents for point in range(start, end)}


def separate(extents: list[Extent]) -> bool:
    return all(before.end_bytes < after.start_bytes for before, after in pairwise(extents))


@given(EXTENTS)
def test_merging_keeps_every_byte_once(extents: list[Extent]) -> None:
    merged = list(merge(extents))
    assert separate(merged)
    assert points(merged) == points(extents)
    assert sum(extent.length_bytes for extent in merged) == len(points(extents))


@given(EXTENTS, st.integers(1, 8))
def test_aligning_gives_the_units_that_are_touched(extents: list[Extent], unit: int) -> None:
    aligned = list(align(extents, unit))
    assert separate(aligned)
    assert {point // unit for point in points(aligned)} == {point // unit for point in points(extents)}
    assert all(start % unit == end % unit == 0 for start, end in aligned)


@given(EXTENTS, st.integers(0, 70), st.integers(0, 70))
def test_clips_and_gaps_share_a_span_between_them(extents: list[Extent], start: int, length: int) -> None:
    span = set(range(start, start + length))
    merged = list(merge(extents))
    assert points(clip(merged, start, start + length)) == points(merged) & span
    assert points(gaps(merged, start, start + length)) == span - points(merged)


@given(
    st.lists(st.sampled_from(["zero", "first", "last", "noise"]), max_size=80), st.integers(0, 7), st.data()
)
def test_zeros_inside_data_are_found(blocks: list[str], skipped: int, data: st.DataObject) -> None:
    noise = random.Random(1).randbytes(GRAIN_BYTES)
    made = {
        "zero": bytes(GRAIN_BYTES),
        "first": b"\1".ljust(GRAIN_BYTES, b"\0"),
        "last": b"\1".rjust(GRAIN_BYTES, b"\0"),
        "noise": noise,
    }
    buffer = bytearray().join(made[block] for block in blocks)
    start = min(skipped, len(blocks)) * GRAIN_BYTES
    cut = data.draw(st.integers(0, 7)) * 512 if blocks and len(buffer) > start else 0
    end = len(buffer) - cut
    buffer[end:] = bytes(cut)
    runs = data_runs(buffer, start, end)
    expected = {place for place in range(start, end, GRAIN_BYTES) if any(buffer[place : place + GRAIN_BYTES])}
    assert separate(runs)
    assert {place for place in range(start, end, GRAIN_BYTES) if place in points_of_blocks(runs)} == expected
    assert all(run.end_bytes <= end for run in runs)


def points_of_blocks(runs: list[Extent]) -> set[int]:
    return {place for start, end in runs for place in range(start, end, GRAIN_BYTES)}
