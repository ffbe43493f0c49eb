"""One wrapper for all that a file-system library can throw."""

from collections.abc import Iterator
from contextlib import contextmanager

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.text import printable

MAX_REASON_CHARS = 200


@contextmanager
def guarded(where: str) -> Iterator[None]:
    """Whatever is raised inside becomes a GuestReadError that names `where`.

    The libraries parse hostile bytes and raise what Python raises on nonsense: KeyError, EOFError,
    ZeroDivisionError, RecursionError, MemoryError, and their own classes.
    """
    try:
        yield
    except GuestReadError:
        raise
    except Exception as error:
        reason = printable(f"{type(error).__name__}: {error}")[:MAX_REASON_CHARS]
        raise GuestReadError(f"{where} cannot be read ({reason})") from error
