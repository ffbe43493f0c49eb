"""A disk read ahead, in order: threads, errors, an end before the end."""

import gc
import os
import signal
import threading
from collections.abc import Callable

import pytest
from support.memory_disk import MemorySource, slowly

from imgtool.convert.base import Piece
from imgtool.convert.engine import FEW
from imgtool.convert.ordered import AHEAD, contents
from imgtool.errors import ImageUnreadableError

PIECE = 16 << 10
CONTENT = os.urandom(40 * PIECE) + bytes(5 * PIECE) + os.urandom(PIECE // 2)


def disk_of(source: MemorySource, threads: int) -> bytes:
    found = bytearray(source.size_bytes)
    for content in contents(source, PIECE, threads):
        for start, end in content.runs:
            found[content.start_bytes + start : content.start_bytes + end] = content.buffer[start:end]
    return bytes(found)


@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("before_load", [lambda start: None, slowly])
def test_the_whole_disk_comes_in_order(threads: int, before_load: Callable[[int], None]) -> None:
    assert disk_of(MemorySource(CONTENT, before_load), threads) == CONTENT
    starts = [content.start_bytes for content in contents(MemorySource(CONTENT), PIECE, threads)]
    assert starts == list(range(0, len(CONTENT), PIECE))


def test_an_empty_disk_has_no_pieces() -> None:
    assert list(contents(MemorySource(b""), PIECE, 2)) == []


def test_pieces_are_loaded_side_by_side_and_only_so_many_ahead() -> None:
    class Counting(MemorySource):
        taken = 0

        def take(self, buffer: bytearray) -> Piece | None:
            self.taken += 1
            return super().take(buffer)

    source = Counting(CONTENT, slowly)
    pieces = contents(source, PIECE, 3)
    for handed_out in range(10):
        next(pieces)
        assert source.taken == handed_out + 3 + AHEAD + 1
    pieces.close()
    assert source.most_active > 1


def test_nothing_is_left_of_a_reading_that_is_given_up() -> None:
    before = threading.active_count()
    pieces = contents(MemorySource(CONTENT * 20, slowly), PIECE, 4)
    next(pieces)
    pieces.close()
    assert threading.active_count() == before
    contents(MemorySource(CONTENT), PIECE, 4)  # never begun
    assert threading.active_count() == before


@pytest.mark.parametrize("threads", [1, 4])
def test_an_error_comes_in_its_turn_and_ends_all(threads: int) -> None:
    def fail(start: int) -> None:
        if start >= 10 * PIECE:
            raise ImageUnreadableError(f"at {start}")

    before = threading.active_count()
    pieces = contents(MemorySource(CONTENT, fail), PIECE, threads)
    assert [next(pieces).start_bytes for _ in range(10)] == list(range(0, 10 * PIECE, PIECE))
    with pytest.raises(ImageUnreadableError, match=f"at {10 * PIECE}"):
        next(pieces)
    assert threading.active_count() == before


def test_an_error_of_the_source_itself_passes_through() -> None:
    class Broken(MemorySource):
        def take(self, buffer: bytearray) -> Piece | None:
            raise ImageUnreadableError("its tables are damaged")

    before = threading.active_count()
    with pytest.raises(ImageUnreadableError, match="tables"):
        list(contents(Broken(CONTENT), PIECE, 2))
    assert threading.active_count() == before


def test_an_interruption_ends_all_threads() -> None:
    before = threading.active_count()

    def interrupt(start: int) -> None:
        slowly(start)
        if start == 10 * PIECE:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        for _ in contents(MemorySource(CONTENT * 20, interrupt), PIECE, 3):
            pass
    gc.collect()
    assert threading.active_count() == before


@pytest.mark.parametrize("fragments", [FEW, FEW + 1])
def test_many_short_reads_are_left_to_one_thread(fragments: int) -> None:
    source = MemorySource(CONTENT, slowly, fragments)
    assert disk_of(source, 4) == CONTENT
    assert (source.most_active == 1) == (fragments > FEW)
