"""Files that are compressed as a whole: gzip, xz, zstd, bzip2, inflated piece by piece within bounds."""

import bz2
import lzma
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast

from isal import igzip_lib

from imgtool.errors import ImageUnreadableError
from imgtool.formats.bounds import LIMITS, raising
from imgtool.formats.effort import Effort, Input
from imgtool.formats.source import ReadAt

if TYPE_CHECKING:
    from zstandard import ZstdDecompressor

PIECE_BYTES = 1 << 20
"""Largest piece of inflated data at a time (zstd: see _Zstd)."""
_LARGEST_ZSTD_WINDOW_BYTES = 1 << 31
"""The format's limit in practice: `--long=31`."""
_FIRST_INPUT_BYTES = 2 << 10
"""Of each member: what stands behind a small one has to be given again to the next."""
CHUNK_BYTES = 64 << 10
"""Of the compressed file, read at a time."""
_INPUT_BYTES = {"zstd": 2 << 10}
"""Given to a decoder at a time, where it is less: see _Zstd."""
_SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18.{4}", re.DOTALL)

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
        """Decompress at most `max_length` bytes more."""


class _Zstd:
    """zstandard's object takes no bound for its output, so it is to be fed _INPUT_BYTES at a time.

    4 bytes of zstd become 128 KiB at most (an RLE block), so as many become 64 MiB.
    """

    needs_input = True

    def __init__(self, decompressor: "ZstdDecompressor", error: type[Exception]) -> None:
        self._object = decompressor.decompressobj()
        self._error = error

    @property
    def eof(self) -> bool:
        return self._object.eof

    @property
    def unused_data(self) -> bytes:
        return self._object.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        try:
            return self._object.decompress(data)
        except self._error as error:
            raise ValueError(str(error)) from error


def _zstd() -> Callable[[], Decoder]:
    """One decompressor for all frames: to make one takes as long as a thousand frames of nothing."""
    import zstandard  # noqa: PLC0415 - loaded only where it is needed: it makes a start slower

    window = min(LIMITS.unpacking_bytes // 2, _LARGEST_ZSTD_WINDOW_BYTES)
    decompressor = zstandard.ZstdDecompressor(max_window_size=window)
    return partial(_Zstd, decompressor, zstandard.ZstdError)


_DECODERS: dict[str, Callable[[], Callable[[], Decoder]]] = {
    "gzip": lambda: partial(igzip_lib.IgzipDecompressor, flag=igzip_lib.DECOMP_GZIP),
    "xz": lambda: partial(lzma.LZMADecompressor, format=lzma.FORMAT_XZ, memlimit=LIMITS.unpacking_bytes),
    "bzip2": lambda: bz2.BZ2Decompressor,
    "zstd": _zstd,
}
"""What makes a decoder for each member of a file."""
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

    Raises ImageUnreadableError where the file is damaged or ends too early, and where it is made to take
    work and to give nothing (effort.py).
    """
    make, effort = _DECODERS[wrapper](), Effort(wrapper)
    content = Input(chunks, effort)
    _skip_frames(wrapper, content, effort)
    while True:
        effort.began_member()
        yield from _member(wrapper, make(), content, effort)
        content.skip_zeros()  # padding: xz format, 2.2; gzip takes it too
        _skip_frames(wrapper, content, effort)
        if not content.ahead(1):
            return


def _member(wrapper: str, decoder: Decoder, content: Input, effort: Effort) -> Iterator[bytes]:
    """What comes out of one member; what stands behind it is still in `content` afterwards."""
    rest = content.take(_FIRST_INPUT_BYTES)  # little, as there may be many small members in it
    while True:
        try:
            piece = decoder.decompress(rest, PIECE_BYTES)
        except _ERRORS as error:
            raise ImageUnreadableError(
                f"its {wrapper} compression is damaged: {error}", hint=_hint(error)
            ) from error
        rest = b""
        if piece:
            effort.gave(len(piece))
            yield piece
        if decoder.eof:
            content.put_back(len(decoder.unused_data))
            return
        if decoder.needs_input:
            rest = content.take(_INPUT_BYTES.get(wrapper, CHUNK_BYTES))
            if not rest and not piece:
                raise _cut_off(wrapper)


def _hint(error: BaseException) -> str:
    """Both libraries tell a limit of memory from damage by their words only."""
    words = str(error).lower()
    return raising("unpacking_bytes") if "memory" in words else "fetch it again"


def _cut_off(wrapper: str) -> ImageUnreadableError:
    return ImageUnreadableError(
        f"its {wrapper} compression ends too early: the file is cut off", hint="fetch it again"
    )


def _skip_frames(wrapper: str, content: Input, effort: Effort) -> None:
    """Pass over frames that zstd skips, of any length: tables for seeking (RFC 8878, 3.1.2)."""
    while wrapper == "zstd" and _SKIPPABLE.fullmatch(content.ahead(8)):
        effort.began_member()
        length = int.from_bytes(content.ahead(8)[4:], "little")
        if not content.skip(8 + length):
            raise _cut_off(wrapper)
        content.skip_zeros()


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
