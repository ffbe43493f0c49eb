"""Files that are compressed as a whole: gzip, xz, zstd, bzip2, inflated piece by piece within bounds."""

import bz2
import lzma
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, cast

from isal import igzip_lib

from imgtool.errors import ImageUnreadableError
from imgtool.formats.bounds import LIMITS, raising
from imgtool.formats.inspector import ReadAt

PIECE_BYTES = 1 << 20
"""Largest piece of inflated data at a time (zstd: see _Zstd)."""
_LARGEST_ZSTD_WINDOW_BYTES = 1 << 31
"""The format's limit in practice: `--long=31`."""
_ZSTD_INPUT_BYTES = 2 << 10
CHUNK_BYTES = 64 << 10
"""Of the compressed file, read at a time."""

PEEKED_BYTES = 2 << 20
PEEKED_INPUT_BYTES = 32 << 20
"""Compressed bytes that may go into the first PEEKED_BYTES: no honest file needs as many."""


class Decoder(Protocol):
    """Inflates one member, as the decompressor objects of bz2, lzma and igzip do it."""

    @property
    def eof(self) -> bool:
        """The member has ended."""

    @property
    def needs_input(self) -> bool:
        """Nothing more comes out before more goes in."""

    @property
    def unused_data(self) -> bytes:
        """What stands behind the member's end."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """At most `max_length` bytes more."""


class _Zstd:
    """zstandard's object takes no bound for its output, so it is fed little at a time.

    4 bytes of zstd become 128 KiB at most (an RLE block), so _ZSTD_INPUT_BYTES become 64 MiB.
    """

    def __init__(self) -> None:
        import zstandard  # noqa: PLC0415 - loaded only where it is needed: it makes a start slower

        self._error = zstandard.ZstdError
        self._object = zstandard.ZstdDecompressor(max_window_size=_zstd_window_bytes()).decompressobj()
        self._pending = b""

    @property
    def eof(self) -> bool:
        return self._object.eof

    @property
    def needs_input(self) -> bool:
        return not self._pending

    @property
    def unused_data(self) -> bytes:
        return self._object.unused_data + self._pending

    def decompress(self, data: bytes, max_length: int) -> bytes:
        data = self._pending + data
        self._pending = data[_ZSTD_INPUT_BYTES:]
        try:
            return self._object.decompress(data[:_ZSTD_INPUT_BYTES])
        except self._error as error:
            raise ValueError(str(error)) from error


def _zstd_window_bytes() -> int:
    return min(LIMITS.unpacking_bytes // 2, _LARGEST_ZSTD_WINDOW_BYTES)


_DECODERS: dict[str, Callable[[], Decoder]] = {
    "gzip": lambda: igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP),
    "xz": lambda: lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=LIMITS.unpacking_bytes),
    "bzip2": bz2.BZ2Decompressor,
    "zstd": _Zstd,
}
_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    MemoryError,
    lzma.LZMAError,
    cast("type[Exception]", igzip_lib.IsalError),  # its type stub calls it an instance
)


def inflate(wrapper: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The inflated content of a file, given in chunks; members that follow each other become one content.

    Raises ImageUnreadableError where the file is damaged or ends too early.
    """
    make, source = _DECODERS[wrapper], iter(chunks)
    rest, decoder = next(source, b""), _DECODERS[wrapper]()
    while True:
        try:
            piece = decoder.decompress(rest, PIECE_BYTES)
        except _ERRORS as error:
            raise ImageUnreadableError(
                f"its {wrapper} compression is damaged: {error}", hint=_hint(error)
            ) from error
        rest = b""
        if piece:
            yield piece
        if decoder.eof:
            rest = _next_member(decoder.unused_data, source)
            if not rest:
                return
            decoder = make()
        elif decoder.needs_input:
            rest = next(source, b"")
            if not rest and not piece:
                raise ImageUnreadableError(
                    f"its {wrapper} compression ends too early: the file is cut off", hint="fetch it again"
                )


def _hint(error: BaseException) -> str:
    """Both libraries tell a limit of memory from damage by their words only."""
    words = str(error).lower()
    return raising("unpacking_bytes") if "memory" in words else "fetch it again"


def _next_member(unused: bytes, source: Iterator[bytes]) -> bytes:
    """The beginning of the next member: zeros between members are padding (xz format, 2.2)."""
    rest = unused.lstrip(b"\0")
    while not rest:
        chunk = next(source, b"")
        if not chunk:
            return b""
        rest = chunk.lstrip(b"\0")
    return rest


def peek(wrapper: str, read_at: ReadAt, size_bytes: int) -> bytes:
    """The first PEEKED_BYTES of the inflated content, or all where it is shorter."""
    content = bytearray()
    for piece in inflate(wrapper, chunks(read_at, min(size_bytes, PEEKED_INPUT_BYTES))):
        content += piece
        if len(content) >= PEEKED_BYTES:
            break
    return bytes(content[:PEEKED_BYTES])


def chunks(read_at: ReadAt, end: int) -> Iterator[bytes]:
    """The file's bytes up to `end`, piece by piece."""
    return (read_at(offset, min(CHUNK_BYTES, end - offset)) for offset in range(0, end, CHUNK_BYTES))
