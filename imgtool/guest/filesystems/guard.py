"""One wrapper for all that a file-system library can throw."""

from collections.abc import Iterator
from contextlib import contextmanager

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.util.text import printable

MAX_REASON_CHARS = 200

PANICS = "pyo3_runtime"
"""Where the panics of libraries in Rust come from. A panic is no Exception, and its class cannot be imported.
dissect.util's LZO panics on a reference to what stands before its output."""


@contextmanager
def guarded(where: str) -> Iterator[None]:
    """Whatever is raised inside becomes a GuestReadError that names `where`.

    The libraries parse hostile bytes and raise what Python raises on nonsense: KeyError, EOFError,
    ZeroDivisionError, RecursionError, MemoryError, their own classes, and panics.
    """
    try:
        yield
    except GuestReadError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__module__ != PANICS:
            raise
        reason = printable(f"{type(error).__name__}: {error}")[:MAX_REASON_CHARS]
        raise GuestReadError(f"{where} cannot be read ({reason})") from error
