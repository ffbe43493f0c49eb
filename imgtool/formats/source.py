"""Opens what the caller names, if it is a file or a block device: nothing else is ever opened."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from imgtool.errors import ImageUnreadableError, ImgtoolError
from imgtool.model.image import FileIdentity, Handle
from imgtool.util.text import printable

ReadAt = Callable[[int, int], bytes]
"""Offset and length to bytes, fewer at the end only."""

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISLNK, "a symbolic link"),
)

_WATCHED_BYTES = 64 << 10
"""Reads from this size on look whether somebody has opened the file for writing: smaller ones are many."""


@dataclass(frozen=True, slots=True)
class Source:
    """An open regular file or block device. Reads are at offsets; none changes a position."""

    handle: Handle
    path: Path
    size_bytes: int
    allocated_bytes: int
    identity: FileIdentity
    """The descriptor of the whole file."""
    start_bytes: int = 0
    """Where in the file this begins; offsets count from here."""

    @property
    def descriptor(self) -> int:
        """The descriptor of the whole file."""
        return self.handle.descriptor

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes at `offset`, fewer at the file's end only."""
        content = bytearray(max(0, min(length, self.size_bytes - offset)))
        count = self.read_into(offset, memoryview(content))
        return bytes(memoryview(content)[:count])

    def read_into(self, offset: int, view: memoryview) -> int:
        """Fill `view` from `offset`; how many bytes there were, fewer at the file's end only."""
        done, wanted = 0, min(len(view), self.size_bytes - offset)
        if wanted >= _WATCHED_BYTES and self.handle.broken():
            raise changed()
        place = self.start_bytes + offset
        try:
            while done < wanted:
                count = os.preadv(self.descriptor, (view[done:wanted],), place + done)
                if count == 0:
                    break
                done += count
        except OSError as error:
            raise ImageUnreadableError(f"reading it failed: {printable(str(error.strerror))}") from error
        return done

    def next_data(self, offset: int) -> int:
        """Where at or after `offset` the file keeps data, by its file system: the end where nothing more is.

        Raises OSError where the file system cannot tell. What is before it reads as zeros.
        """
        try:
            found = os.lseek(self.descriptor, self.start_bytes + offset, os.SEEK_DATA) - self.start_bytes
            return min(found, self.size_bytes)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return self.size_bytes
            raise

    def part(self, start_bytes: int, size_bytes: int) -> "Source":
        """A part of this, as if it were a file of its own; what the file keeps of it is not known."""
        allocated = min(size_bytes, self.allocated_bytes)
        return replace(
            self, start_bytes=self.start_bytes + start_bytes, size_bytes=size_bytes, allocated_bytes=allocated
        )

    def next_hole(self, offset: int) -> int:
        """Where at or after `offset` the file keeps nothing; the end counts as a hole. As `next_data`."""
        found = os.lseek(self.descriptor, self.start_bytes + offset, os.SEEK_HOLE) - self.start_bytes
        return min(found, self.size_bytes)

    def verify_unchanged(self) -> None:
        """Raise ImageUnreadableError where the file is not what it was when it was opened."""
        check_identity(self.handle, self.identity)


def check_identity(handle: Handle, identity: FileIdentity) -> None:
    """Raise ImageUnreadableError where the open file is not what it was when it had this identity."""
    found = os.fstat(handle.descriptor)
    # The size of a block device stands elsewhere, and does not change by writing.
    size = identity.size_bytes if stat.S_ISBLK(found.st_mode) else found.st_size
    if handle.broken() or identify(found, size) != identity:
        raise changed()


def changed() -> ImageUnreadableError:
    """The error for a file that is not what it was when it passed."""
    return ImageUnreadableError(
        "it changed after it was examined",
        hint="make sure that nothing writes to it, no running virtual machine above all; try again",
    )


def open_file(path: str | os.PathLike[str], *, directory: int | None = None) -> Source:
    """Open `path` for reading, symbolic links followed. Raises ImageUnreadableError.

    With `directory`, a descriptor, `path` is a plain name in it, and no link.
    """
    try:
        resolved = (
            os.fspath(path) if directory is not None else os.path.realpath(os.fspath(path), strict=True)
        )
        found = os.stat(resolved, dir_fd=directory, follow_symlinks=False)
        _refuse_other_kinds(found)
        # Not blocking, so that a FIFO that takes the file's place now cannot hold us up.
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
        handle = Handle(os.open(resolved, flags, dir_fd=directory))
    except OSError as error:
        raise _unreadable(error) from error
    except ValueError as error:
        raise ImageUnreadableError("no file can have this name") from error
    opened = os.fstat(handle.descriptor)
    if (opened.st_dev, opened.st_ino) != (found.st_dev, found.st_ino):
        raise ImageUnreadableError("it was replaced while it was opened", hint="try again")
    handle.watch()
    return describe(handle, Path(resolved))


def reopened(descriptor: int, path: Path) -> Source:
    """A file of our own that is open for writing, opened once more, for reading only, by no name.

    Nobody watches it for changes: its writer is this process.
    """
    try:
        handle = Handle(os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        raise _unreadable(error) from error
    return describe(handle, path)


@contextmanager
def open_source(path: str | os.PathLike[str]) -> Iterator[Source]:
    """`open_file`, closed at the end of the block."""
    source = open_file(path)
    try:
        yield source
    finally:
        source.handle.close()


def unnamed(descriptor: int, size_bytes: int, start_bytes: int = 0) -> Source:
    """A file that somebody else opened, in a process that is to know nothing more of it."""
    identity = FileIdentity(0, 0, size_bytes, 0)
    return Source(Handle(descriptor), Path(), size_bytes, size_bytes, identity, start_bytes)


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
    return FileIdentity(found.st_dev, found.st_ino, size_bytes, found.st_mtime_ns, found.st_ctime_ns)


def describe(handle: Handle, path: Path) -> Source:
    """The open file `handle`. Raises ImageUnreadableError where it is empty, or cannot be read."""
    opened = os.fstat(handle.descriptor)
    try:
        # The end of a block device is not in its st_size.
        size = os.lseek(handle.descriptor, 0, os.SEEK_END)
    except OSError as error:
        raise _unreadable(error) from error
    if size == 0:
        raise ImageUnreadableError("it is empty", hint="was its download or copy complete?")
    allocated = size if stat.S_ISBLK(opened.st_mode) else opened.st_blocks * 512
    return Source(handle, path, size, allocated, identify(opened, size))


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
