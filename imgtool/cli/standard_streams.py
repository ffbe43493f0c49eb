"""stdin, stdout and stderr, whatever state they are in: closed, full, not waited for, or read by nobody.

stdout carries the result: that it cannot be written is an error. stderr carries the log: what cannot be
written there is lost, and changes nothing.
"""

import fcntl
import io
import os
import sys
from typing import Any

from imgtool.errors import OutputError, ReaderGoneError
from imgtool.util.streams import write_some
from imgtool.util.text import printable

_WRONG_WAY = {0: os.O_WRONLY, 1: os.O_RDONLY, 2: os.O_RDONLY}


def occupy() -> None:
    """Give each of the three that is closed /dev/null, opened the wrong way round: its use fails (EBADF).

    The next file that is opened would get its number otherwise, and what is printed would go into that file.
    To be called before any other file is opened: each gets the lowest number that is free.
    """
    for number, flags in _WRONG_WAY.items():
        if not _is_open(number):
            os.set_inheritable(os.open(os.devnull, flags), True)  # noqa: FBT003 - its only parameter


def take_over() -> None:
    """Put our own streams in place of Python's, which are None where they were closed."""
    sys.stdout = _text(_Result(1, "w", closefd=False), sys.stdout)
    sys.stderr = _text(_Log(2, "w", closefd=False), sys.stderr)


class _Result(io.FileIO):
    """stdout, unbuffered."""

    def write(self, content: Any) -> int:
        """Raises OutputError; ReaderGoneError where a pipe has no reader any more."""
        try:
            return write_some(self.fileno(), content)
        except BrokenPipeError as error:
            raise ReaderGoneError("nobody reads what is written to stdout") from error
        except OSError as error:
            raise OutputError(
                f"the result cannot be written to stdout: {printable(str(error.strerror))}",
                hint="is it closed, or its disk full?",
            ) from error


class _Log(io.FileIO):
    """stderr, unbuffered."""

    def write(self, content: Any) -> int:
        """What cannot be written is lost."""
        try:
            return write_some(self.fileno(), content)
        except OSError:
            return len(memoryview(content).cast("B"))


def _is_open(number: int) -> bool:
    try:
        fcntl.fcntl(number, fcntl.F_GETFD)
    except OSError:
        return False
    return True


def _text(raw: io.FileIO, before: Any) -> io.TextIOWrapper:
    """A locale of few characters is no reason to end: what it does not have comes out as an escape."""
    encoding = before.encoding if before is not None else "utf-8"
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding, errors="backslashreplace", line_buffering=raw.isatty()
    )
