"""The copy loop on disks in memory: order, threads, errors, interruptions."""

import os
import signal
import threading
import time
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.memory_disk import MemorySink, MemorySource, slowly

from imgtool.convert.engine import FEW, Work, copy, default_threads
from imgtool.errors import ImageUnreadableError
from imgtool.util.progress import NullMeter

PIECE = 16 << 10
CONTENT = os.urandom(40 * PIECE) + bytes(5 * PIECE) + os.urandom(PIECE // 2)


def run(source: MemorySource, sink: MemorySink, threads: int = 3) -> int:
    return copy(source, sink, Work(PIECE, threads), NullMeter(), Event())


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_everything_is_copied_and_placed_in_order(threads: int) -> None:
    sink = MemorySink()
    assert run(MemorySource(CONTENT), sink, threads) == len(CONTENT) - 5 * PIECE
    assert sink.content == CONTENT
    assert sink.placed == sorted(sink.placed)
    assert sink.finished


@given(st.binary(max_size=30), st.integers(1, 4))
@settings(max_examples=30)
def test_any_disk(pattern: bytes, threads: int) -> None:
    content = b"".join(bytes([value]) * 4096 for value in pattern)
    sink = MemorySink()
    run(MemorySource(content), sink, threads)
    assert sink.content == content


def test_pieces_are_loaded_and_written_side_by_side() -> None:
    sink = MemorySink(before_write=slowly)
    run(MemorySource(CONTENT, before_load=slowly), sink, 4)
    assert sink.most_active > 1
    assert sink.placed == sorted(sink.placed)
    assert sink.content == CONTENT


@pytest.mark.parametrize("where", ["load", "write"])
@pytest.mark.parametrize("threads", [1, 4])
def test_the_first_error_stops_all_and_is_the_one_that_is_told(where: str, threads: int) -> None:
    def fail(place: int) -> None:
        if place >= 10 * PIECE:
            raise ImageUnreadableError(f"at {place}")

    source = MemorySource(CONTENT, fail if where == "load" else slowly)
    sink = MemorySink(fail if where == "write" else slowly)
    before = threading.active_count()
    with pytest.raises(ImageUnreadableError, match="at 1"):
        run(source, sink, threads)
    assert threading.active_count() == before
    assert not sink.finished
    assert len(sink.placed) < 20


def test_an_interruption_ends_all_workers_first() -> None:
    sink = MemorySink(before_write=slowly)
    before = threading.active_count()
    timer = threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run(MemorySource(CONTENT * 20, slowly), sink)
    timer.join()
    assert time.monotonic() - started < 10  # all of it would take longer; a busy machine may need some
    assert threading.active_count() == before
    assert not sink.finished


def test_threads_are_as_many_as_the_process_may_use_but_two_at_least() -> None:
    assert default_threads() == max(2, len(os.sched_getaffinity(0)))


@pytest.mark.parametrize("fragments", [FEW, FEW + 1])
def test_many_short_reads_are_left_to_one_thread(fragments: int) -> None:
    source = MemorySource(CONTENT, slowly, fragments)
    run(source, MemorySink(), 4)
    assert (source.most_active == 1) == (fragments > FEW)
