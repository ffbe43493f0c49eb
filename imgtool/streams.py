"""What every seekable read-only stream of ours has in common: a size, a position, and where a seek leads."""

import io


class SeekableStream(io.RawIOBase):
    """A read-only stream of `size` bytes; how it is read is the subclass's. For one thread at a time."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self._position = 0

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can be sought."""
        return True

    def tell(self) -> int:
        """The position of the next read."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the position of the next read; beyond the end nothing is read."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("a seek before the beginning")
        self._position = base + offset
        return self._position
