"""The image to convert, past the gate, whatever it comes from: a file, a compressed file, stdin.

What is no plain file becomes a temporary copy, or stays a stream.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from imgtool.disk.temporary import temporary_file, unkept
from imgtool.disk.wrapped import unwrap
from imgtool.errors import ImageUnreadableError
from imgtool.formats import headers
from imgtool.formats.gate import admit, admit_open, admit_stdin, refuse_writers
from imgtool.formats.source import naming
from imgtool.formats.wrapper import PEEKED_BYTES, peek
from imgtool.model.image import DiskImage
from imgtool.util.progress import Progress
from imgtool.util.text import printable

STREAM = Path("-")
"""The name of stdin as a source, and of stdout as a target."""
STDIN = 0


@contextmanager
def incoming(  # noqa: PLR0913 - each says one thing about the image
    path: Path,
    source_format: str | None,
    progress: Progress,
    *,
    may_stream: bool,
    force_share: bool = True,
    admitted: DiskImage | None = None,
    disk: str | None = None,
) -> Iterator[DiskImage]:
    """The image at `path`, open for as long as the block lasts.

    With `may_stream` a raw disk that is compressed as a whole, or comes from a pipe, is not copied: it is
    read while it is converted. With `force_share` another program may have it open for writing.
    What was `admitted` before is not opened again. `disk` is the one to take of an OVA.
    Raises all that the gate raises.
    """
    image = _whole(
        admitted or _admitted(path, source_format, disk, progress, may_stream=may_stream),
        progress,
        may_stream=may_stream,
    )
    if not force_share:
        refuse_writers(image.unpacked_from or image)
    yield image


def _admitted(
    path: Path, source_format: str | None, disk: str | None, progress: Progress, *, may_stream: bool
) -> DiskImage:
    if path != STREAM:
        return admit(path, source_format, disk=disk)
    if stat.S_ISREG(os.fstat(STDIN).st_mode):
        return admit_open(STDIN, source_format, disk=disk)

    return from_pipe(source_format, progress, may_stream=may_stream, disk=disk)


def _whole(image: DiskImage, progress: Progress, *, may_stream: bool) -> DiskImage:
    if image.wrapper is None or image.streamed:
        return image

    return whole(image, progress, may_stream=may_stream)


_READ_BYTES = 1 << 20
_HELD_BYTES = 2 * PEEKED_BYTES
"""Of stdin, to see what it is: enough for PEEKED_BYTES to come out, where the content cannot be compressed
and a block of bzip2, 900 kB, comes out as a whole."""


def whole(image: DiskImage, progress: Progress, *, may_stream: bool) -> DiskImage:
    """`image`, or where it is compressed as a whole and may not be streamed, what is inside it."""
    if image.wrapper is None or (may_stream and image.format == "raw"):
        return image
    return replace(unwrap(image, progress), unpacked_from=image)


def from_pipe(
    source_format: str | None, progress: Progress, *, may_stream: bool, disk: str | None = None
) -> DiskImage:
    """The image that comes from stdin, kept in a temporary file as far as it is not streamed."""
    held = temporary_file("stdin")
    prefix = _read(_HELD_BYTES)
    stream = may_stream and _is_raw(prefix, source_format)
    _keep(held.descriptor, prefix, and_the_rest=not stream)
    image = admit_stdin(held.descriptor, source_format, disk)
    origin = replace(image.origin, path=STREAM)
    if stream:
        return replace(image, streamed=True, unpacked_from=origin)
    return replace(whole(image, progress, may_stream=False), unpacked_from=origin)


def _is_raw(prefix: bytes, source_format: str | None) -> bool:
    """Whether the disk inside is raw: a header is at the beginning, or there is none."""

    def read_at(offset: int, length: int) -> bytes:
        return prefix[offset : offset + length]

    seen = headers.examine_bytes(prefix)
    if seen.wrapper is not None:
        inside = peek(seen.wrapper, read_at, len(prefix))
        seen = headers.examine_bytes(inside, compressed_too=True)
    return seen.format == "raw" and (not seen.archive or source_format == "raw")


def _read(length: int) -> bytes:
    content = bytearray()
    try:
        while len(content) < length and (chunk := os.read(STDIN, length - len(content))):
            content += chunk
    except OSError as error:
        reason = "it is closed" if error.errno == errno.EBADF else printable(str(error.strerror))
        raise ImageUnreadableError(
            f"stdin: cannot be read: {reason}", hint="pipe an image into it"
        ) from error
    return bytes(content)


def _keep(held: int, prefix: bytes, *, and_the_rest: bool) -> None:
    try:
        with open(held, "wb", closefd=False) as file:
            file.write(prefix)
            while and_the_rest and (chunk := os.read(STDIN, _READ_BYTES)):
                file.write(chunk)
    except OSError as error:
        with naming("stdin"):
            raise unkept(error) from error
