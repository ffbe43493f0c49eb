"""Images that are no plain file: compressed as a whole, or from a pipe. Temporary copies, or streams."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from imgtool.disk.incoming import STDIN, STREAM
from imgtool.disk.temporary import temporary_folder, unkept
from imgtool.disk.wrapped import unwrap
from imgtool.errors import ImgtoolError
from imgtool.formats import admit, headers
from imgtool.formats.source import naming
from imgtool.formats.wrapper import PEEKED_BYTES, peek
from imgtool.model.image import DiskImage
from imgtool.progress import Progress
from imgtool.text import printable

_READ_BYTES = 1 << 20
_HELD_BYTES = 2 * PEEKED_BYTES
"""Of stdin, to see what it is: enough for PEEKED_BYTES to come out, where the content cannot be compressed
and a block of bzip2, 900 kB, comes out as a whole."""


@contextmanager
def whole(image: DiskImage, progress: Progress, *, may_stream: bool) -> Iterator[DiskImage]:
    """`image`, or where it is compressed as a whole and may not be streamed, what is inside it."""
    if image.wrapper is None or (may_stream and image.format == "raw"):
        yield image
        return
    with temporary_folder(image.path) as folder:
        yield replace(unwrap(image, folder, progress), unpacked_from=image)


@contextmanager
def from_pipe(source_format: str | None, progress: Progress, *, may_stream: bool) -> Iterator[DiskImage]:
    """The image that comes from stdin, kept in a temporary file as far as it is not streamed."""
    with temporary_folder(Path("stdin")) as folder:
        held = folder / "stdin"
        prefix = _read(_HELD_BYTES)
        stream = may_stream and _format(prefix) == "raw"
        _keep(held, prefix, and_the_rest=not stream)
        with _as_stdin(held):
            image = admit(held, source_format)
            if stream:
                yield replace(image, streamed=True, unpacked_from=replace(image, path=STREAM))
                return
            with whole(image, progress, may_stream=False) as content:
                yield replace(content, unpacked_from=replace(image, path=STREAM))


def _format(prefix: bytes) -> str:
    """Of the disk inside; a header is at the beginning, or there is none."""

    def read_at(offset: int, length: int) -> bytes:
        return prefix[offset : offset + length]

    seen = headers.examine_bytes(prefix)
    if seen.wrapper is not None:
        inside = peek(seen.wrapper, read_at, len(prefix))
        seen = headers.examine_bytes(inside, compressed_too=True)
    return seen.format


@contextmanager
def _as_stdin(held: Path) -> Iterator[None]:
    """What is said of the file `held` is said of stdin."""
    try:
        yield
    except ImgtoolError as error:
        shown = printable(str(held))
        if shown not in error.message:
            raise
        raise type(error)(error.message.replace(shown, "stdin", 1), hint=error.hint) from error


def _read(length: int) -> bytes:
    content = bytearray()
    while len(content) < length and (chunk := os.read(STDIN, length - len(content))):
        content += chunk
    return bytes(content)


def _keep(held: Path, prefix: bytes, *, and_the_rest: bool) -> None:
    try:
        with held.open("wb") as file:
            file.write(prefix)
            while and_the_rest and (chunk := os.read(STDIN, _READ_BYTES)):
                file.write(chunk)
    except OSError as error:
        with naming("stdin"):
            raise unkept(error) from error
