"""The plan of a qcow2: where its pieces stand, and that another disk is noticed."""

import os
from collections.abc import Iterator
from threading import Event

import pytest
from support.memory_disk import MemorySource

from imgtool.convert.engine import Work, copy
from imgtool.convert.ordered import contents
from imgtool.convert.payloads.qcow2 import CLUSTER_BYTES, PlanningSink
from imgtool.convert.sinks.qcow2 import Clusters
from imgtool.errors import ImageUnreadableError
from imgtool.util.progress import NullMeter

PIECE = 1 << 20


def disk(*clusters: int) -> bytes:
    """4 MiB; data in these clusters only."""
    used = {number: os.urandom(CLUSTER_BYTES) for number in clusters}
    return b"".join(used.get(number, bytes(CLUSTER_BYTES)) for number in range(64))


DISK = disk(1, 2, 5, 20, 63)


@pytest.fixture
def tables() -> Iterator[int]:
    descriptor = os.memfd_create("tables")
    yield descriptor
    os.close(descriptor)


def planned(tables: int, content: bytes) -> PlanningSink:
    sink = PlanningSink(tables)
    copy(MemorySource(content), sink, Work(PIECE, 2), NullMeter(), Event())
    return sink


def pieces(sink: PlanningSink, content: bytes) -> Iterator[Clusters]:
    for piece in contents(MemorySource(content), PIECE, 1):
        clusters = sink.prepare(piece)
        if clusters.total:
            yield clusters


def test_each_piece_with_data_has_its_place(tables: int) -> None:
    plan = planned(tables, DISK)
    assert len(plan) == 3
    places = [plan.place_of(number, clusters) for number, clusters in enumerate(pieces(plan, DISK))]
    assert [place // CLUSTER_BYTES for place in places] == [1, 4, 5]
    assert os.fstat(tables).st_blocks * 512 <= 5 * 4096, "header and tables, no data"
    assert os.fstat(tables).st_size == 10 * CLUSTER_BYTES, (
        "header, 5 of data, L2, L1, refcount block and table"
    )


def test_new_bytes_in_the_same_clusters_have_the_same_place(tables: int) -> None:
    plan = planned(tables, DISK)
    again = disk(1, 2, 5, 20, 63)
    assert [plan.place_of(n, clusters) for n, clusters in enumerate(pieces(plan, again))]


@pytest.mark.parametrize(
    "other",
    [disk(1, 2, 6, 20, 63), disk(1, 2, 3, 5, 20), disk(1, 2, 5, 21), disk(20, 63), disk(1, 2, 5, 20, 40, 63)],
    ids=["moved", "one more", "in a later piece", "a piece is gone", "one piece more"],
)
def test_another_layout_is_noticed(other: bytes, tables: int) -> None:
    plan = planned(tables, DISK)
    with pytest.raises(ImageUnreadableError, match="it changed"):
        for number, clusters in enumerate(pieces(plan, other)):
            plan.place_of(number, clusters)
