"""Runs of bytes: against sets of numbers, and as text that a stranger may have written."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgtool.util.ranges import NOTHING, UNIT_BYTES, Ranges, from_text, to_text

EDGE = 60
runs = st.lists(st.tuples(st.integers(0, EDGE), st.integers(0, EDGE)), max_size=12).map(sorted)


def numbers(ranges: Ranges) -> set[int]:
    return {number for start, end in ranges for number in range(start, end)}


def members(found: list[tuple[int, int]]) -> set[int]:
    return {number for start, end in found for number in range(start, end)}


@given(runs)
def test_they_are_sorted_and_do_not_touch(found: list[tuple[int, int]]) -> None:
    ranges = Ranges(found)
    edges = [edge for run in ranges for edge in run]
    assert edges == sorted(set(edges))
    assert numbers(ranges) == members(found)
    assert ranges.total == len(members(found))
    assert ranges.end == max(members(found), default=-1) + 1
    assert len(ranges) == len(list(ranges))


@given(runs, st.integers(0, EDGE), st.integers(0, EDGE))
def test_a_span_of_them(found: list[tuple[int, int]], start: int, end: int) -> None:
    ranges, span = Ranges(found), set(range(start, end))
    assert members(list(ranges.within(start, end))) == members(found) & span
    assert members(list(ranges.outside(start, end))) == span - members(found)
    assert ranges.touches(start, end) is bool(members(found) & span)


@given(runs, runs, st.integers(0, 10))
def test_less_others(found: list[tuple[int, int]], others: list[tuple[int, int]], length: int) -> None:
    assert numbers(Ranges(found).without(Ranges(others))) == members(found) - members(others)
    long = [run for run in Ranges(found) if run[1] - run[0] >= length]
    assert list(Ranges(found).at_least(length)) == long


@given(st.lists(st.tuples(st.integers(0, 1 << 45), st.integers(0, 1 << 43)), max_size=6))
def test_text_and_back(found: list[tuple[int, int]]) -> None:
    ranges = Ranges(sorted((start * UNIT_BYTES, (start + length) * UNIT_BYTES) for start, length in found))
    again = from_text(to_text(ranges), ranges.end)
    assert list(again) == list(ranges)
    if ranges.end:
        with pytest.raises(ValueError, match="beyond the end"):
            from_text(to_text(ranges), ranges.end - 1)


def test_many_runs_are_several_texts() -> None:
    ranges = Ranges((2 * number * UNIT_BYTES, (2 * number + 1) * UNIT_BYTES) for number in range(200_000))
    texts = to_text(ranges)
    assert len(texts) > 3
    assert max(map(len, texts)) < 1 << 20
    assert list(from_text(texts, ranges.end)) == list(ranges)


@given(
    st.lists(
        st.one_of(st.text(max_size=30), st.binary(max_size=40).map(lambda x: base64.b64encode(x).decode()))
    )
)
def test_any_text_is_refused_or_within_the_bounds(texts: list[str]) -> None:
    try:
        found = from_text(texts, 1 << 40)
    except ValueError:
        return
    assert found.end <= 1 << 40
    assert list(Ranges(found)) == list(found)


def test_nothing() -> None:
    assert to_text(NOTHING) == ()
    assert from_text((), 0).total == 0
