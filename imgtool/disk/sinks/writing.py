"""Writes at offsets, wholly or not at all well."""

import os
from collections.abc import Sequence

from imgtool.disk.base import Write
from imgtool.errors import ConversionError
from imgtool.text import printable

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
