"""The disk inside an image, whatever its format, as one read-only seekable stream.

In two steps, which need not be one process's: `open_holder` opens the file that holds it, `as_disk` reads it.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from imgtool import qemu_img
from imgtool.disk.qcow2 import Qcow2Stream
from imgtool.disk.raw import RawStream
from imgtool.disk.temporary import temporary_folder
from imgtool.disk.wrapped import admit_content, unwrap
from imgtool.errors import ToolFailedError
from imgtool.formats import open_admitted, verify_unchanged
from imgtool.formats.source import Source, naming
from imgtool.model.image import DiskImage
from imgtool.progress import Progress, bytes_of
from imgtool.text import printable

BUFFER_BYTES = 16 << 10
"""Read at once for small reads: file systems read blocks of 4 KiB, often one after the other."""

_STREAMS: dict[str, Callable[[Source], io.RawIOBase]] = {"raw": RawStream, "qcow2": Qcow2Stream}


@contextmanager
def open_disk(image: DiskImage, progress: Progress) -> Iterator[BinaryIO]:
    """The disk of `image`, `virtual_size_bytes` long (of a compressed file: as long as its content says).

    Raises what `open_holder` and `as_disk` raise.
    """
    with open_holder(image, progress) as (holder, source), as_disk(holder.format, source) as disk:
        yield disk


@contextmanager
def open_holder(image: DiskImage, progress: Progress) -> Iterator[tuple[DiskImage, Source]]:
    """The raw or qcow2 file that holds the disk of `image`, open: itself, where it is one.

    Formats that are neither raw nor qcow2, and compressed files, go through temporary files (TMPDIR), which
    are gone afterwards. Raises ImageUnreadableError where the image is damaged, or was changed meanwhile.
    """
    if image.wrapper is None and image.format in _STREAMS:
        with open_admitted(image) as source:
            yield image, source
        return
    with temporary_folder(image.origin.path) as here:
        content = image if image.wrapper is None else unwrap(image, here, progress)
        if content.format not in _STREAMS:
            content = _convert_to_raw(content, here / "disk.img", progress)
        with open_admitted(content) as source:
            yield content, source


@contextmanager
def as_disk(image_format: str, source: Source) -> Iterator[BinaryIO]:
    """The disk inside a raw or qcow2 file. Raises ImageUnreadableError, also while reading."""
    with naming(source.path):
        stream = _STREAMS[image_format](source)
    with io.BufferedReader(stream, BUFFER_BYTES) as buffered:
        yield cast("BinaryIO", buffered)


def _convert_to_raw(image: DiskImage, target: Path, progress: Progress) -> DiskImage:
    verify_unchanged(image)
    with progress.meter(f"read {image.format}", image.virtual_size_bytes) as meter:
        on_fraction = bytes_of(image.virtual_size_bytes, meter.advance)
        try:
            qemu_img.convert(image.path, image.format, target, "raw", on_fraction=on_fraction)
        except ToolFailedError as error:
            shown = printable(str(image.origin.path))
            hint = "if there is no space left: set TMPDIR to a folder that has more"
            raise ToolFailedError(f"{shown}: {error.message}", hint=hint) from error
    verify_unchanged(image)
    return admit_content(image, target, "raw")
