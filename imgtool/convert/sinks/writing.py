"""Writes at offsets, wholly or not at all well; and refuses what must not stand at a disk's start.

A guest can write the header of another format, and the name of a host's file, there.
"""

import os
from collections.abc import Sequence

from imgtool.convert.base import Write
from imgtool.errors import ConversionError, VerificationError
from imgtool.formats import headers
from imgtool.util.text import printable

_MOST_PARTS = 1024
"""IOV_MAX of Linux: uio.h, UIO_MAXIOV."""


def write_all(descriptor: int, writes: Sequence[Write]) -> None:
    """Carry out `writes`. Raises ConversionError where there is no room, or the target fails."""
    try:
        for start, parts in writes:
            offset = start
            for first in range(0, len(parts), _MOST_PARTS):
                offset += _write_parts(descriptor, parts[first : first + _MOST_PARTS], offset)
    except OSError as error:
        raise unwritable(error) from error


def unwritable(error: OSError) -> ConversionError:
    """The error for a target that cannot be written."""
    return ConversionError(
        f"not converted: cannot write the target: {printable(str(error.strerror))}",
        hint="free some space, or choose a folder that has more",
    )


def _write_parts(descriptor: int, parts: Sequence[bytes | memoryview], offset: int) -> int:
    wanted = len(parts[0]) if len(parts) == 1 else sum(map(len, parts))
    done = os.pwritev(descriptor, parts, offset)
    if done < wanted:  # a signal, a full disk (the next call says so), or more than 2 GiB
        rest = memoryview(b"".join(parts))
        while done < wanted:
            done += os.pwrite(descriptor, rest[done:], offset + done)
    return wanted


def refuse(beginning: bytes) -> None:
    """Raise VerificationError where a disk that begins so would be taken for an image of another format.

    For disks that are sent away as they are made, and cannot be judged as a file, or taken back.
    Raises UnsafeImageError where it could be two.
    """
    found = headers.examine_bytes(beginning, compressed_too=True).format
    if found != "raw":
        raise VerificationError(
            f"the raw disk starts with a {found} header: software that probes the format would misread it"
        )
