"""Opens what the caller names, if it is a file or a block device: nothing else is ever opened."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from imgtool.errors import ImageUnreadableError, ImgtoolError
from imgtool.model.image import FileIdentity
from imgtool.text import printable

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
)


@dataclass(frozen=True, slots=True)
class Source:
    """An open regular file or block device. Reads are at offsets; none changes a position."""

    descriptor: int
    path: Path
    size_bytes: int
    allocated_bytes: int
    identity: FileIdentity

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes at `offset`, fewer at the file's end only."""
        content = bytearray(max(0, min(length, self.size_bytes - offset)))
        count = self.read_into(offset, memoryview(content))
        return bytes(memoryview(content)[:count])

    def read_into(self, offset: int, view: memoryview) -> int:
        """Fill `view` from `offset`; how many bytes there were, fewer at the file's end only."""
        done, wanted = 0, min(len(view), self.size_bytes - offset)
        try:
            while done < wanted:
                count = os.preadv(self.descriptor, (view[done:],), offset + done)
                if count == 0:
                    break
                done += count
        except OSError as error:
            raise ImageUnreadableError(f"reading it failed: {printable(str(error.strerror))}") from error
        return done


@contextmanager
def open_source(path: str | os.PathLike[str]) -> Iterator[Source]:
    """Open `path` for reading, symbolic links followed. Raises ImageUnreadableError."""
    try:
        resolved = os.path.realpath(os.fspath(path), strict=True)
        found = os.lstat(resolved)
        _refuse_other_kinds(found)
        # Not blocking, so that a FIFO that takes the file's place now cannot hold us up.
        descriptor = os.open(resolved, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        raise _unreadable(error) from error
    except ValueError as error:
        raise ImageUnreadableError("no file can have this name") from error
    try:
        opened = os.fstat(descriptor)
        if (opened.st_dev, opened.st_ino) != (found.st_dev, found.st_ino):
            raise ImageUnreadableError("it was replaced while it was opened", hint="try again")
        yield _describe(descriptor, Path(resolved), opened)
    finally:
        os.close(descriptor)


def unnamed(descriptor: int, size_bytes: int) -> Source:
    """A file that somebody else opened, in a process that is to know nothing more of it."""
    return Source(descriptor, Path(), size_bytes, size_bytes, FileIdentity(0, 0, size_bytes, 0))


@contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Begins the message of every expected error that is raised inside with `path`."""
    try:
        yield
    except ImgtoolError as error:
        message = f"{printable(os.fspath(path))}: {error.message}"
        raise type(error)(message, hint=error.hint) from error


def identify(found: os.stat_result, size_bytes: int) -> FileIdentity:
    """What tells this file from any other, and from itself after a change."""
    return FileIdentity(found.st_dev, found.st_ino, size_bytes, found.st_mtime_ns)


def _describe(descriptor: int, path: Path, opened: os.stat_result) -> Source:
    try:
        # The end of a block device is not in its st_size.
        size = os.lseek(descriptor, 0, os.SEEK_END)
    except OSError as error:
        raise _unreadable(error) from error
    if size == 0:
        raise ImageUnreadableError("it is empty", hint="was its download or copy complete?")
    allocated = size if stat.S_ISBLK(opened.st_mode) else opened.st_blocks * 512
    return Source(descriptor, path, size, allocated, identify(opened, size))


def _refuse_other_kinds(found: os.stat_result) -> None:
    if stat.S_ISREG(found.st_mode) or stat.S_ISBLK(found.st_mode):
        return
    kind = next((name for matches, name in _KINDS if matches(found.st_mode)), "a special file")
    raise ImageUnreadableError(f"it is {kind}", hint="give a disk image file or a block device")


def _unreadable(error: OSError) -> ImageUnreadableError:
    hints = {
        FileNotFoundError: "check the path",
        PermissionError: "run as a user who may read it",
    }
    reason = printable(error.strerror or str(error))
    return ImageUnreadableError(f"cannot be opened: {reason}", hint=hints.get(type(error), ""))
