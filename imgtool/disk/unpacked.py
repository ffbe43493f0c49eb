"""Images that are no plain file: compressed as a whole, or from a pipe. Temporary copies, or streams."""

import errno
import os
from dataclasses import replace

from imgtool.disk.open_source import STDIN, STREAM
from imgtool.disk.temporary import temporary_file, unkept
from imgtool.disk.wrapped import unwrap
from imgtool.errors import ImageUnreadableError
from imgtool.formats import headers
from imgtool.formats.gate import admit_stdin
from imgtool.formats.source import naming
from imgtool.formats.wrapper import PEEKED_BYTES, peek
from imgtool.model.image import DiskImage
from imgtool.util.progress import Progress
from imgtool.util.text import printable

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
