"""How much may come out of a file that is compressed as a whole."""

from dataclasses import dataclass

from imgtool.errors import ImageUnreadableError
from imgtool.formats.bounds import LIMITS, raising
from imgtool.text import human_size

MAX_RATIO = 1100
"""Bytes that are not zero, for each compressed byte. Deflate reaches 1032; what is above is a bomb, no disk.
Zeros do not count: they become holes, and an empty disk compresses without limit."""

RATIO_ALLOWANCE_BYTES = 64 << 20
"""Free of the ratio, for small files."""


@dataclass(frozen=True, slots=True)
class Budget:
    """For a file of `compressed_bytes`; None where it is not compressed, and the ratio does not apply."""

    compressed_bytes: int | None

    def check(self, size_bytes: int, data_bytes: int) -> None:
        """Raise ImageUnreadableError where the content so far is too large, or more than can be."""
        if size_bytes > LIMITS.content_bytes:
            most = human_size(LIMITS.content_bytes)
            raise ImageUnreadableError(f"its content is larger than {most}", hint=raising("content_bytes"))
        if self.compressed_bytes is None:
            return
        if data_bytes > self.compressed_bytes * MAX_RATIO + RATIO_ALLOWANCE_BYTES:
            raise ImageUnreadableError(f"its content is more than {MAX_RATIO} times its size: a bomb")
