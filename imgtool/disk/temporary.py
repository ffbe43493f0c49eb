"""Folders for what is kept only as long as a command runs (TMPDIR)."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imgtool.errors import ImageUnreadableError
from imgtool.formats.source import naming
from imgtool.text import printable

_HINT = "free some space, or set TMPDIR to a folder that has more"


@contextmanager
def temporary_folder(of: Path) -> Iterator[Path]:
    """A new folder, absolute, gone when the block ends.

    Raises ImageUnreadableError, which names the image `of`, where none can be made.
    """
    try:
        made = tempfile.TemporaryDirectory(prefix="imgtool-", ignore_cleanup_errors=True)
    except OSError as error:
        with naming(of):
            raise unkept(error) from error
    with made as folder:
        yield Path(folder).resolve()


def unkept(error: OSError) -> ImageUnreadableError:
    """The error for an image that cannot be kept in a temporary file."""
    reason = printable(error.strerror or str(error))
    return ImageUnreadableError(f"its content cannot be written to a temporary file: {reason}", hint=_HINT)
