"""Inflates a compressed file into a sparse one, within bounds, and sends it through the gate again."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from imgtool.disk.bounds import Budget
from imgtool.disk.temporary import unkept
from imgtool.errors import ImgtoolError
from imgtool.formats import admit, open_admitted
from imgtool.formats.source import Source, naming
from imgtool.formats.wrapper import chunks, inflate
from imgtool.model.image import DiskImage
from imgtool.progress import Meter, Progress
from imgtool.text import printable

_BLOCK_BYTES = 64 << 10
_ZEROS = bytes(_BLOCK_BYTES)


def unwrap(image: DiskImage, folder: Path, progress: Progress) -> DiskImage:
    """The content of the compressed `image` as an image of its own, a new file in `folder`.

    Removing it is the caller's; on failure nothing is left. Raises ImageUnreadableError where it is damaged
    or beyond the bounds, and all that the gate raises for the content.
    """
    try:
        descriptor, name = tempfile.mkstemp(prefix="imgtool-", suffix=".img", dir=folder)
    except OSError as error:
        with naming(image.path):
            raise unkept(error) from error
    target = Path(name)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file, open_admitted(image) as source:
            _inflate_into(image, source, file.fileno(), progress)
        return admit_content(image, target, image.format)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def admit_content(image: DiskImage, target: Path, content_format: str) -> DiskImage:
    """What came out of `image` passes the gate too; a refusal names the image, not the temporary file.

    A guest can write the header of another format, and the name of a host's file, at the start of its disk.
    """
    try:
        return admit(target, content_format)
    except ImgtoolError as error:
        ours, shown = printable(str(target)), f"{printable(str(image.path))}: what is inside"
        raise type(error)(error.message.replace(ours, shown, 1), hint=error.hint) from error


def _inflate_into(image: DiskImage, source: Source, descriptor: int, progress: Progress) -> None:
    budget = Budget(source.size_bytes)
    size = written = 0
    with naming(image.path), progress.meter("decompress", source.size_bytes) as meter:
        compressed = _metered(chunks(source.read_at, source.size_bytes), meter)
        for piece in inflate(str(image.wrapper), compressed):
            written += _write_sparse(descriptor, piece, size)
            size += len(piece)
            budget.check(size, written)
        os.ftruncate(descriptor, size)


def _metered(source: Iterator[bytes], meter: Meter) -> Iterator[bytes]:
    for chunk in source:
        meter.advance(len(chunk))
        yield chunk


def _write_sparse(descriptor: int, piece: bytes, offset: int) -> int:
    """Write the blocks of `piece` that are not zero; how many bytes that was."""
    written = 0
    for start in range(0, len(piece), _BLOCK_BYTES):
        block = piece[start : start + _BLOCK_BYTES]
        if block != _ZEROS[: len(block)]:
            written += _write(descriptor, block, offset + start)
    return written


def _write(descriptor: int, block: bytes, offset: int) -> int:
    done = 0
    try:
        while done < len(block):
            done += os.pwrite(descriptor, block[done:], offset + done)
    except OSError as error:
        raise unkept(error) from error
    return done
