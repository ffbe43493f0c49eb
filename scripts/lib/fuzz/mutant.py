"""A seed with edits applied: bytes, or a stream over a disk that is not copied."""

import io
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, cast

from fuzz.model import Edit, Seed


class Mutant:
    """What a target reads."""

    def __init__(self, seed: Seed, edits: tuple[Edit, ...]) -> None:
        self.seed = seed
        self.edits = edits

    @cached_property
    def content(self) -> bytes:
        """All of it; of a seed that is no disk."""
        assert isinstance(self.seed.content, bytes)  # noqa: S101 - a target knows its seeds
        content = bytearray(self.seed.content)
        for edit in self.edits:
            end = len(content) if edit.length is None else edit.offset + edit.length
            content[edit.offset : end] = edit.data
        return bytes(content)

    @property
    def size(self) -> int:
        """In bytes."""
        if isinstance(self.seed.content, bytes):
            return len(self.content)
        cuts = [edit.offset for edit in self.edits if edit.length is None]
        return min([self.seed.content.stat().st_size, *cuts])

    def stream(self) -> BinaryIO:
        """As a stream; the caller closes it."""
        if isinstance(self.seed.content, bytes):
            return io.BytesIO(self.content)
        return cast("BinaryIO", _Overlay(self.seed.content, self.edits, self.size))


class _Overlay(io.RawIOBase):
    """The disk with some bytes replaced. Reads are whole, as those of a buffered stream."""

    def __init__(self, disk: Path, edits: tuple[Edit, ...], size: int) -> None:
        super().__init__()
        self._file = disk.open("rb", buffering=0)
        self._edits = [edit for edit in edits if edit.length is not None]
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        start, left = self._position, max(0, self._size - self._position)
        wanted = left if size is None or size < 0 else min(size, left)
        if not wanted:
            return b""
        self._file.seek(start)
        content = bytearray(self._file.read(wanted))
        for edit in self._edits:
            first, last = max(edit.offset, start), min(edit.offset + len(edit.data), start + len(content))
            if first < last:
                content[first - start : last - start] = edit.data[first - edit.offset : last - edit.offset]
        self._position += len(content)
        return bytes(content)

    def close(self) -> None:
        self._file.close()
        super().close()
