"""What every seekable read-only stream of ours has in common, and writing to what may not wait."""

import io
import os
import select


def write_some(descriptor: int, content: bytes | memoryview) -> int:
    """Write as write(2) does; wait where another process made the descriptor non-blocking (O_NONBLOCK)."""
    while True:
        try:
            return os.write(descriptor, content)
        except BlockingIOError:
            poll = select.poll()
            poll.register(descriptor, select.POLLOUT)
            poll.poll()


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
