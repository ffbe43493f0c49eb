"""What a file that is compressed as a whole gives for what has to be done for it.

Each member of a file (a frame, a stream) and each block costs some microseconds, whatever is in it: a file of
empty ones takes seconds for each MiB, and nothing comes out that a bound on the content could see. No
compressor makes its input larger than by a hundredth and some bytes, so that what gives nearly nothing over a
long stretch was made to.

What is given pays for what was done shortly before and after, and for no more: a file cannot save up with a
gigabyte of zeros, which takes a megabyte, for what comes behind it.
"""

import re
from collections.abc import Iterable

from imgtool.errors import ImageUnreadableError

ALLOWANCE_BYTES = {"gzip": 128 << 10, "xz": 256 << 10, "zstd": 256 << 10, "bzip2": 1280 << 10}
"""Compressed bytes before anything has to come out of them: bzip2 has blocks of 900 kB, LZMA2 and zstd of 64
and 128 KiB, deflate gives what it has."""
MAX_EXPANSION = 4
"""Compressed bytes for each byte of content."""

MEMBERS_ALLOWANCE = 1000
MEMBER_BYTES = 4 << 10
"""Content of a member, on average. bgzip makes members of 64 KiB, the seekable format of zstd larger ones."""

_UNPACKING = {"gzip": "gzip -dc", "xz": "xz -dc", "zstd": "zstd -dc", "bzip2": "bzip2 -dc"}
_ZEROS = re.compile(rb"\0*")


class Effort:
    """The account of one file. Each method raises ImageUnreadableError where too much is owed."""

    def __init__(self, wrapper: str) -> None:
        self._wrapper = wrapper
        self._allowed_bytes = ALLOWANCE_BYTES[wrapper]
        self._owed_bytes = 0
        self._owed_members = 0.0

    def took(self, count: int) -> None:
        """So many compressed bytes are given to a decoder; negative where it did not want them."""
        self._owed_bytes += count
        if self._owed_bytes > self._allowed_bytes:
            raise self._refusal("mapped_extents that hold next to nothing")

    def gave(self, count: int) -> None:
        """So many bytes of content came out."""
        self._owed_bytes = max(0, self._owed_bytes - MAX_EXPANSION * count)
        self._owed_members = max(0.0, self._owed_members - count / MEMBER_BYTES)

    def began_member(self) -> None:
        """One more member, or something else that has a beginning of its own."""
        self._owed_members += 1
        if self._owed_members > MEMBERS_ALLOWANCE:
            raise self._refusal("very many members that hold next to nothing")

    def _refusal(self, what: str) -> ImageUnreadableError:
        return ImageUnreadableError(
            f"its {self._wrapper} compression has {what}, which only take time",
            hint=f"if you trust it, unpack it yourself: {_UNPACKING[self._wrapper]}",
        )


class Input:
    """The bytes of a compressed file, which are counted where they are taken to be inflated."""

    def __init__(self, chunks: Iterable[bytes], effort: Effort) -> None:
        self._chunks = iter(chunks)
        self._effort = effort
        self._held = b""
        self._position = 0

    def take(self, most: int) -> bytes:
        """Return at most so many bytes of one chunk; none only at the end."""
        self._hold(1)
        taken = self._held[self._position : self._position + most]
        self._position += len(taken)
        self._effort.took(len(taken))
        return taken

    def put_back(self, count: int) -> None:
        """The last bytes of what was taken last were not used."""
        self._position -= count
        self._effort.took(-count)

    def ahead(self, count: int) -> bytes:
        """The next bytes, which stay; fewer at the end."""
        self._hold(count)
        return self._held[self._position : self._position + count]

    def skip(self, count: int) -> bool:
        """Pass over so many bytes; False where there are fewer."""
        while count and self._hold(1):
            passed = min(count, len(self._held) - self._position)
            self._position += passed
            count -= passed
        return not count

    def skip_zeros(self) -> None:
        """Pass over all zeros that come next."""
        while self._hold(1):
            found = _ZEROS.match(self._held, self._position)
            assert found is not None  # noqa: S101 - it matches nothing at all too
            self._position = found.end()
            if self._position < len(self._held):
                return

    def _hold(self, count: int) -> bool:
        """Whether so many bytes are at hand now."""
        while len(self._held) - self._position < count:
            chunk = next(self._chunks, b"")
            if not chunk:
                return False
            self._held = self._held[self._position :] + chunk
            self._position = 0
        return True
