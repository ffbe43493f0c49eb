"""How a sandbox is asked to read a disk: which part of its one descriptor holds it, and in which format."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from imgtool.disk.access import as_disk
from imgtool.formats.source import Source, unnamed
from imgtool.model.image import DiskImage


@dataclass(frozen=True, slots=True)
class DiskRequest:
    """Where a disk is."""

    path: str
    """For messages: nothing is opened by it."""
    format: str
    """By qemu-img's name, one of disk.access.READABLE."""
    start_bytes: int
    """Of the image in the file."""
    file_size_bytes: int
    virtual_size_bytes: int


def disk_request(image: DiskImage, holder: DiskImage, source: Source) -> DiskRequest:
    """Ask for the disk of `image`; `holder` and its open `source` are what `open_container` gives."""
    return DiskRequest(
        path=str(image.origin.path),
        format=holder.format,
        start_bytes=source.start_bytes,
        file_size_bytes=source.size_bytes,
        virtual_size_bytes=image.virtual_size_bytes,
    )


@contextmanager
def requested_disk(request: DiskRequest, descriptor: int) -> Iterator[BinaryIO]:
    """The disk, in the sandbox. Raises ImageUnreadableError, also while it is read."""
    file = unnamed(descriptor, request.file_size_bytes, request.start_bytes)
    with as_disk(request.format, replace(file, path=Path(request.path))) as disk:
        yield disk
