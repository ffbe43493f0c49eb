"""Folders for what is kept only as long as a command runs (TMPDIR)."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from imgtool.errors import ImageUnreadableError
from imgtool.formats.source import naming
from imgtool.model.image import Handle
from imgtool.util import interrupts, leftovers
from imgtool.util.text import printable

_HINT = "free some space, or set TMPDIR to a folder that has more"


@contextmanager
def temporary_folder(of: Path) -> Iterator[Path]:
    """A new folder, absolute, gone when the block ends.

    Raises ImageUnreadableError, which names the image `of`, where none can be made.
    """
    with ExitStack() as made:
        try:
            folder = _make(made)
        except OSError as error:
            with naming(of):
                raise unkept(error) from error
        yield folder


def _make(made: ExitStack) -> Path:
    """The folder, which `made` will remove; what runs left that were killed goes first."""
    top = tempfile.gettempdir()
    parent = _opened(top)
    made.callback(os.close, parent)
    leftovers.remove_stale_folders(parent)
    with interrupts.deferred():
        name, lock = leftovers.new_folder(parent)
        made.callback(os.close, lock)
        made.callback(shutil.rmtree, name, ignore_errors=True, dir_fd=parent)
    return Path(top, name).resolve()


def _opened(folder: str) -> int:
    """One that only may be written into is no place to look for leftovers."""
    flags = os.O_DIRECTORY | os.O_CLOEXEC
    try:
        return os.open(folder, flags | os.O_RDONLY)
    except PermissionError:
        return os.open(folder, flags | os.O_PATH)


def temporary_file(of: str | Path) -> Handle:
    """A new, empty file without a name (TMPDIR), for reading and writing: it is gone once it is closed.

    Raises ImageUnreadableError, which names the image `of`, where none can be made.
    """
    try:
        with tempfile.TemporaryFile(prefix="imgtool-", buffering=0) as file:
            return Handle(os.dup(file.fileno()))
    except OSError as error:
        with naming(of):
            raise unkept(error) from error


def unkept(error: OSError) -> ImageUnreadableError:
    """The error for an image that cannot be kept in a temporary file."""
    reason = printable(error.strerror or str(error))
    return ImageUnreadableError(f"its content cannot be written to a temporary file: {reason}", hint=_HINT)
