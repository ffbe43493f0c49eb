"""The disk inside an image, whatever its format, as one read-only seekable stream.

It is reached in two steps, which need not be one process's: `open_container` opens the file that holds it,
`as_disk` reads it. `as_raw` says what the disk is to who gets it as a raw file: its first bytes are all that
tells.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO, cast

from imgtool.disk.qcow2 import Qcow2Stream
from imgtool.disk.stream import DiskStream, RawStream
from imgtool.disk.wrapped import unwrap
from imgtool.formats import headers, open_admitted
from imgtool.formats.layout import MAPPED_FORMATS, read_layout
from imgtool.formats.source import Source, naming
from imgtool.model.image import DiskImage
from imgtool.util.progress import Progress

BUFFER_BYTES = 16 << 10
"""Read at once for small reads: file systems read blocks of 4 KiB, often one after the other."""

READABLE = frozenset({"raw", "qcow2"}) | MAPPED_FORMATS
"""Formats whose disk is read here, by no other program."""


@contextmanager
def open_disk(image: DiskImage, progress: Progress) -> Iterator[BinaryIO]:
    """The disk of `image`, `virtual_size_bytes` long (of a compressed file: as long as its content says).

    Raises what `open_container` and `as_disk` raise.
    """
    with open_container(image, progress) as (holder, source), as_disk(holder.format, source) as disk:
        yield disk


@contextmanager
def open_container(image: DiskImage, progress: Progress) -> Iterator[tuple[DiskImage, Source]]:
    """The file that holds the disk of `image`, open: itself, where it is not compressed as a whole.

    What is compressed goes through a temporary file (TMPDIR), which is gone afterwards. Raises
    ImageUnreadableError where the image is damaged, or was changed meanwhile.
    """
    content = image if image.wrapper is None else unwrap(image, progress)
    with open_admitted(content) as source:
        yield content, source


@contextmanager
def as_disk(image_format: str, source: Source) -> Iterator[BinaryIO]:
    """The disk inside a raw or qcow2 file. Raises ImageUnreadableError, also while reading."""
    with naming(source.path):
        stream = _stream(image_format, source)
    with io.BufferedReader(stream, BUFFER_BYTES) as buffered:
        yield cast("BinaryIO", buffered)


def _stream(image_format: str, source: Source) -> DiskStream:
    if image_format in MAPPED_FORMATS:
        from imgtool.disk.stream import MappedStream  # noqa: PLC0415 - loaded only where it is needed

        return MappedStream(source, read_layout(image_format, source.read_at, source.size_bytes))
    return RawStream(source) if image_format == "raw" else Qcow2Stream(source)


BEGINNING_BYTES = 64 << 10
"""The descriptors of ISO 9660 and UDF begin at 32 KiB."""


def as_raw(image: DiskImage) -> DiskImage:
    """`image` with what would be said of its disk as a raw image; itself where it is one.

    Of one that is compressed as a whole nothing is known before it is unpacked. Raises ImageUnreadableError.
    """
    if image.format == "raw" or image.wrapper is not None or image.streamed:
        return image
    with open_admitted(image) as source, as_disk(image.format, source) as disk:
        found = headers.examine_bytes(disk.read(BEGINNING_BYTES), compressed_too=True)
    if found.format != "raw":
        return image  # the disk begins as another format's header, which a conversion refuses by itself
    return replace(image, is_iso=found.is_iso, mbr_refusal=found.mbr_refusal)
