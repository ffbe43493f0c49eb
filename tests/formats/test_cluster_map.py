"""A map of clusters against a set of numbers, which does the same and is slow."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgtool.errors import ImageUnreadableError
from imgtool.formats.cluster_map import MAX_CLUSTERS, ClusterMap

COUNT = 300
RUNS = st.lists(st.tuples(st.integers(0, COUNT - 1), st.integers(1, 70)), max_size=30)


@given(RUNS, RUNS)
def test_each_cluster_is_taken_once(runs, asked):
    clusters, taken = ClusterMap(COUNT << 9, 9), set()
    for first, count in runs:
        wanted = set(range(first, min(COUNT, first + count)))
        free = not wanted & taken
        assert clusters.take(first, len(wanted)) == free
        taken |= wanted if free else set()
    for first, count in asked:
        wanted = set(range(first, min(COUNT, first + count)))
        assert clusters.is_free(first, len(wanted)) == (not wanted & taken)


@given(st.lists(st.integers(0, COUNT - 1)), st.integers(0, COUNT - 1))
def test_many_at_a_time(numbers, before):
    clusters = ClusterMap(COUNT << 9, 9)
    clusters.take(before)
    assert clusters.take_each(numbers) == (len({before, *numbers}) == len(numbers) + 1)


def test_the_last_cluster_may_be_short_but_not_for_a_table():
    clusters = ClusterMap((4 << 16) + 1, 16)
    assert clusters.count == 5
    with pytest.raises(ImageUnreadableError, match="beyond the file's end"):
        clusters.take_each([4])
    assert clusters.take(4)
    for ask in (clusters.take, clusters.is_free):
        with pytest.raises(ImageUnreadableError, match="beyond the file's end"):
            ask(4, 2)


def test_a_sparse_file_of_any_size_takes_no_memory():
    before = resident_bytes()
    clusters = ClusterMap((1 << 63) - 1, 9)
    assert all(clusters.take(place) for place in range(0, MAX_CLUSTERS, MAX_CLUSTERS // 8))
    assert not clusters.take_each([5, MAX_CLUSTERS // 2])
    for beyond in (MAX_CLUSTERS, 1 << 53):
        with pytest.raises(ImageUnreadableError, match=r"more than .* clusters"):
            clusters.take(beyond)
    assert resident_bytes() - before < 20 << 20


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
