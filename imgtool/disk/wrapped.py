"""Inflates a compressed file into a sparse one, and sends it through the gate again.

How much may come out of it is bounded (Budget).
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from imgtool.disk.temporary import temporary_file, unkept
from imgtool.errors import ImageUnreadableError
from imgtool.formats import open_admitted
from imgtool.formats.bounds import LIMITS, raising
from imgtool.formats.gate import admit_written
from imgtool.formats.source import Source, naming
from imgtool.formats.wrapper import chunks, inflate
from imgtool.model.image import DiskImage
from imgtool.util.progress import Meter, Progress
from imgtool.util.text import human_size

_BLOCK_BYTES = 64 << 10
_ZEROS = bytes(_BLOCK_BYTES)


def unwrap(image: DiskImage, progress: Progress) -> DiskImage:
    """The content of the compressed `image` as an image of its own, in a file without a name.

    Raises ImageUnreadableError where it is damaged or beyond the bounds, and all that the gate raises for the
    content: a guest can write the header of another format, and the name of a host's file, at the start of
    its disk.
    """
    target = temporary_file(image.path)
    with open_admitted(image) as source:
        _inflate_into(image, source, target.descriptor, progress)
    label = f"{image.origin.path}: what is inside"
    return admit_written(target.descriptor, image.path, image.format, label=label)


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


MAX_RATIO = 1100
"""Bytes that are not zero, for each compressed byte. Deflate reaches 1032; what is above is a bomb, no disk.
Zeros do not count: they become holes, and an empty disk compresses without limit."""

RATIO_ALLOWANCE_BYTES = 64 << 20
"""Free of the ratio, for small files."""

MAX_ZEROS_RATIO = 1 << 16
"""Bytes, zeros too, for each compressed byte: they take time, if no room. zstd reaches 32,768, xz 7,000; an
empty disk in bzip2 is smaller by a million times, and 2 TiB of it would be read for hours."""
ZEROS_ALLOWANCE_BYTES = 64 << 30
"""Free of that ratio: the disks that are usual, if all of them is empty."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much may come out of a file of `compressed_bytes`; None if it is not compressed."""

    compressed_bytes: int | None

    def check(self, size_bytes: int, data_bytes: int) -> None:
        """Raise ImageUnreadableError where the content so far is too large, or more than can be."""
        if size_bytes > LIMITS.content_bytes:
            most = human_size(LIMITS.content_bytes)
            raise ImageUnreadableError(f"its content is larger than {most}", hint=raising("content_bytes"))
        if self.compressed_bytes is None:
            return
        if data_bytes > self.compressed_bytes * MAX_RATIO + RATIO_ALLOWANCE_BYTES:
            raise ImageUnreadableError(f"its content is more than {MAX_RATIO} times its size: a bomb")
        if size_bytes > self.compressed_bytes * MAX_ZEROS_RATIO + ZEROS_ALLOWANCE_BYTES:
            raise ImageUnreadableError(
                f"its content is more than {MAX_ZEROS_RATIO} times its size, nearly all of it zeros",
                hint="if you trust it, unpack it yourself, to a sparse file",
            )
