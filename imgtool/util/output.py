"""A file that appears under its name only when it is complete, and leaves nothing behind otherwise.

What is made of an image may be read by those at most who may read the image.
"""

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from imgtool.errors import ConversionError, UsageError
from imgtool.util import interrupts, leftovers, locks
from imgtool.util.text import printable, shell_operands

_UNNAMED = os.O_RDWR | os.O_CLOEXEC | os.O_TMPFILE
_NO_HARD_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK})
"""What link(2) says on a file system that has none."""
_MODE = 0o666
"""Before the umask."""


def check_target(target: Path, *, overwrite: bool) -> None:
    """Refuse a target that cannot be written, before any work is done. Raises UsageError."""
    shown = printable(str(target))
    if not target.parent.is_dir():
        folder = printable(str(target.parent))
        typed = shell_operands([str(target.parent)])
        hint = "make it first" if typed is None else f"make it: mkdir -p {typed}"
        raise UsageError(f"{shown}: the folder {folder} does not exist", hint=hint)
    if not os.path.lexists(target):
        return
    if not target.is_file():
        raise UsageError(f"{shown}: exists and is not a regular file", hint="name a file as the target")
    if not overwrite:
        raise UsageError(f"{shown}: already exists", hint="give another name, or --force to replace it")


def check_device(device: Path, size_bytes: int, *, overwrite: bool) -> None:
    """Refuse a block device that would lose its content unasked, or is too small. Raises UsageError."""
    shown = printable(str(device))
    if not overwrite:
        raise UsageError(f"{shown}: is a block device", hint="--force overwrites all that is on it")
    with opened_for_writing(device) as descriptor:
        room = os.lseek(descriptor, 0, os.SEEK_END)
    if room < size_bytes:
        raise UsageError(f"{shown}: has {room} bytes, and the disk {size_bytes}", hint="take a larger device")


@contextmanager
def opened_for_writing(path: Path, *, exclusive: bool = False) -> Iterator[int]:
    """A descriptor for `path`, flushed at the end. `exclusive`: not while a device is mounted or in use."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_EXCL if exclusive else 0))
    except OSError as error:
        raise ConversionError(f"cannot write {printable(str(path))}: {error.strerror}") from error
    try:
        if exclusive and not stat.S_ISBLK(os.fstat(descriptor).st_mode):
            raise ConversionError(f"{printable(str(path))}: is no block device any more")
        yield descriptor
        if exclusive:
            with _as_conversion_errors(path):
                os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(slots=True)
class NewFile:
    """A file that has no name yet, or one that nobody knows."""

    descriptor: int
    """For reading and writing: what is written goes through it, and never by a name."""
    folder: int
    """The folder where its name will be: a descriptor."""
    name: str | None
    """The one that it has until then, in `folder`; None where the file system needs none (O_TMPFILE)."""


@contextmanager
def written_beside(
    target: Path, *, overwrite: bool, durable: bool = True, made_of: Sequence[os.stat_result] = ()
) -> Iterator[NewFile]:
    """A new file in the folder of `target`, to be filled; synced and named so when the block ends well.

    Nobody may read it who may not read all that it is `made_of`. What a killed run left in the folder goes
    first. On any exception it is gone, and whatever stood at `target` is untouched. Not `durable`, and so not
    synced, is what goes again before anybody could lose power over it. The folder may belong to somebody
    else: it is opened once, and nothing is ever opened in it by a name that another user could give away.
    Raises ConversionError when the folder cannot be written to, is gone by the end, or the disk fails.
    """
    with _opened_folder(target.parent) as folder, _made(folder, target.parent) as new:
        with suppress(OSError):  # of a file system without modes
            limit(new.descriptor, made_of)
        yield new
        with _as_conversion_errors(target):
            if durable:
                os.fsync(new.descriptor)
            _demand_place(folder, target)
            _put_in_place(new, target, overwrite=overwrite)
            if durable:
                os.fsync(folder)


@contextmanager
def _opened_folder(path: Path) -> Iterator[int]:
    # A folder of our own in another's, where a batch makes an output, is never a link; the user's may be.
    own = os.O_NOFOLLOW if path.name.startswith(".imgtool-") else 0
    with _as_write_errors(path):
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | own)
    try:
        yield folder
    finally:
        os.close(folder)


@contextmanager
def _made(folder: int, path: Path) -> Iterator[NewFile]:
    leftovers.remove_stale(folder)
    new = NewFile(-1, folder, None)
    try:
        with _as_write_errors(path), interrupts.deferred():
            new.descriptor = _without_a_name(folder)
            if new.descriptor < 0:
                new.name, new.descriptor = leftovers.new_file(folder, _MODE)
        yield new
    finally:
        if new.name is not None:
            with suppress(OSError):  # of a disk that fails: what ended the work is what has to be told
                os.unlink(new.name, dir_fd=folder)
        if new.descriptor >= 0:
            os.close(new.descriptor)


def _without_a_name(folder: int) -> int:
    """A file that goes by itself where nobody gives it a name; -1 where the file system has no such files."""
    try:
        return os.open(".", _UNNAMED, _MODE, dir_fd=folder)
    except OSError as error:
        if error.errno not in {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT}:
            raise
        return -1


@contextmanager
def _as_write_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = f"cannot write into {printable(str(folder))}: {error.strerror}"
        raise ConversionError(reason, hint="choose a folder that you may write to") from error


@contextmanager
def _as_conversion_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = f"{printable(str(target))}: cannot be put in place: {printable(str(error.strerror))}"
        hint = "is its folder still there, and its disk sound?"
        raise ConversionError(reason, hint=hint) from error


def _demand_place(folder: int, target: Path) -> None:
    """Raise ConversionError where a file in `folder` would not be at `target` any more."""
    try:
        same = os.path.samestat(target.parent.stat(), os.fstat(folder))
    except OSError:
        same = False
    if not same:
        reason = f"{printable(str(target))}: not put in place: its folder was removed, or renamed"
        raise ConversionError(reason, hint="make it again, and leave it there until the end")


def _put_in_place(new: NewFile, target: Path, *, overwrite: bool) -> None:
    """Give the complete file the name of `target`. Raises UsageError where that is taken."""
    if overwrite:
        _replace(new, target)
        return
    try:
        _link(new, target.name)  # unlike rename(2), never replaces what appeared in the meantime
    except FileExistsError:
        raise _appeared(target) from None
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS or new.name is None:
            raise
        _replace(new, target)  # a file system without hard links, FAT for one


def _appeared(target: Path) -> UsageError:
    return UsageError(
        f"{printable(str(target))}: appeared while the work was under way, and was left as it is",
        hint="give another name, or --force to replace it",
    )


def _replace(new: NewFile, target: Path) -> None:
    """Take its place by a name for a moment, which in another user's folder may be given to another file."""
    if new.name is None:
        locks.take(new.descriptor)
        name = leftovers.file_name()
        _link(new, name)
        new.name = name
    os.rename(new.name, target.name, src_dir_fd=new.folder, dst_dir_fd=new.folder)
    new.name = None
    found = os.stat(target.name, dir_fd=new.folder, follow_symlinks=False)
    if not os.path.samestat(found, os.fstat(new.descriptor)):
        raise ConversionError(
            f"{printable(str(target))}: another user put another file in its place",
            hint="choose a folder that only you may write to",
        )


def _link(new: NewFile, name: str) -> None:
    """A name for the very file that is open: linkat(2), AT_SYMLINK_FOLLOW."""
    os.link(f"/proc/self/fd/{new.descriptor}", name, dst_dir_fd=new.folder, follow_symlinks=True)


def append(target: Path, text: str) -> None:
    """Add `text` at the end of a file that others write to as well. Raises ConversionError."""
    with _as_conversion_errors(target), target.open("a", encoding="utf-8") as file:
        file.write(text)


def put_in_place(temporary: Path, target: Path, *, overwrite: bool) -> None:
    """Give the complete file `temporary` the name `target`. Raises UsageError where that is taken."""
    if overwrite:
        temporary.replace(target)
        return
    try:
        target.hardlink_to(temporary)  # unlike rename(2), never replaces what appeared in the meantime
    except FileExistsError:
        raise _appeared(target) from None
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        temporary.replace(target)  # a file system without hard links, FAT for one


def sync(path: Path) -> None:
    """Let the file, or the names in the folder, be on the disk when this returns."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_READ_AND_WRITE = 0o666


def output_mode(sources: Iterable[os.stat_result], umask: int, group: int) -> int:
    """The mode of a new file of the group with that id: that of any new file, less what a source denies.

    A group may do with it what it may do with each source, if that is of the same group; if it is not, what
    others may. An access control list (acl(5)) shows in the bits of the group as the most that it grants.
    """
    mode = _READ_AND_WRITE & ~umask
    for source in sources:
        mode &= 0o600 | _of_group(source, group) | source.st_mode & 0o006
    return mode


def _of_group(source: os.stat_result, group: int) -> int:
    return source.st_mode & 0o060 if source.st_gid == group else source.st_mode << 3 & 0o060


def limit(descriptor: int, sources: Iterable[os.stat_result]) -> None:
    """Give the new file that is open as `descriptor` that mode. To be called before it has its name.

    Raises OSError; a file system without modes, FAT for one, may refuse.
    """
    os.fchmod(descriptor, output_mode(sources, current_umask(), os.fstat(descriptor).st_gid))


def current_umask() -> int:
    """Return this process's umask, from proc(5): umask(2) could only set it, for all threads."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("Umask:"):
            return int(line.split()[1], 8)
    return 0o077
