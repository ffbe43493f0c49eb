"""A disk in memory: a source and a sink for tests of the engine that need no file."""

import time
from collections.abc import Callable, Sequence
from functools import partial

from imgtool.convert.base import Content, Piece, Write
from imgtool.convert.extents import data_runs


class MemorySource:
    """`content`, whose size is a multiple of 4096. `before_load` is called with each piece's start.

    Each piece claims to need as many reads as `fragments` says.
    """

    def __init__(
        self, content: bytes, before_load: Callable[[int], None] = lambda start: None, fragments: int = 1
    ) -> None:
        self._content = content
        self._before_load = before_load
        self._fragments = fragments
        self._position = 0
        self.active = self.most_active = 0
        self.size_bytes = len(content)

    def take(self, buffer: bytearray) -> Piece | None:
        start = self._position
        if start >= self.size_bytes:
            return None
        self._position += len(buffer)
        return Piece(partial(self._load, buffer, start), self._fragments)

    def _load(self, buffer: bytearray, start: int) -> Content:
        self.active += 1
        self.most_active = max(self.active, self.most_active)
        self._before_load(start)
        self.active -= 1
        part = self._content[start : start + len(buffer)]
        buffer[: len(part)] = part
        return Content(start, len(part), buffer, data_runs(buffer, 0, len(part)), len(part))


class MemorySink:
    """Keeps what is written, and the order in which pieces were placed."""

    def __init__(self, before_write: Callable[[int], None] = lambda offset: None) -> None:
        self._before_write = before_write
        self.content = bytearray()
        self.placed: list[int] = []
        self.active = self.most_active = 0
        self.finished = False

    def prepare(self, content: Content) -> tuple[int, list[Write]]:
        view, start = memoryview(content.buffer), content.start_bytes
        return start, [Write(start + first, (view[first:end],)) for first, end in content.runs]

    def place(self, prepared: tuple[int, list[Write]]) -> list[Write]:
        self.placed.append(prepared[0])
        needed = max((offset + len(parts[0]) for offset, parts in prepared[1]), default=0)
        self.content.extend(bytes(max(0, needed - len(self.content))))
        return prepared[1]

    def write(self, writes: Sequence[Write]) -> None:
        self.active += 1
        self.most_active = max(self.active, self.most_active)
        for offset, parts in writes:
            self._before_write(offset)
            self.content[offset : offset + len(parts[0])] = parts[0]
        self.active -= 1

    def finish(self, size_bytes: int) -> None:
        self.content.extend(bytes(size_bytes - len(self.content)))
        self.finished = True


def slowly(_place: int) -> None:
    time.sleep(0.01)
