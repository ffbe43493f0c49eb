"""A raw file as a sink: each byte at its own place, holes where the disk is zero."""

import os
from collections.abc import Sequence

from imgtool.disk.base import Content, Write
from imgtool.disk.sinks.writing import unwritable, write_all


class FileSink:
    """A new, empty file."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def prepare(self, content: Content) -> Sequence[Write]:
        """Whatever is not zero, at its own place."""
        view, start = memoryview(content.buffer), content.start_bytes
        return [Write(start + first, (view[first:end],)) for first, end in content.runs]

    def place(self, prepared: Sequence[Write]) -> Sequence[Write]:
        """There is nothing to decide."""
        return prepared

    def write(self, writes: Sequence[Write]) -> None:
        """Write it."""
        write_all(self._descriptor, writes)

    def finish(self, size_bytes: int) -> None:
        """A disk may end with zeros."""
        try:
            os.ftruncate(self._descriptor, size_bytes)
        except OSError as error:
            raise unwritable(error) from error
