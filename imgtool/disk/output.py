"""A file that appears under its name only when it is complete, and leaves nothing behind otherwise."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from imgtool.errors import ConversionError, UsageError
from imgtool.text import printable


def check_target(target: Path, *, overwrite: bool) -> None:
    """Refuse a target that cannot be written, before any work is done. Raises UsageError."""
    shown = printable(str(target))
    if not target.parent.is_dir():
        folder = printable(str(target.parent))
        raise UsageError(f"{shown}: the folder {folder} does not exist", hint=f"make it: mkdir -p '{folder}'")
    if not os.path.lexists(target):
        return
    if not target.is_file():
        raise UsageError(f"{shown}: is there and is no regular file", hint="name a file as the target")
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
        yield descriptor
        if exclusive:
            with _as_conversion_errors(path):
                os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def written_beside(target: Path, *, overwrite: bool, durable: bool = True) -> Iterator[Path]:
    """A new temporary file beside `target`, to be filled; synced and renamed to it when the block ends well.

    On any exception the temporary file is removed and whatever stood at `target` is untouched. Not `durable`,
    and so not synced, is what goes again before anybody could lose power over it.
    Raises ConversionError when the folder cannot be written to, is gone by the end, or the disk fails.
    """
    # Named before it is made, so that an interruption at any moment finds the name to clean up.
    temporary = target.parent / f".imgtool-{os.urandom(8).hex()}.partial"
    try:
        _create(temporary)
        yield temporary
        with _as_conversion_errors(target):
            if durable:
                sync(temporary)
            put_in_place(temporary, target, overwrite=overwrite)
            if durable:
                sync(target.parent)
    finally:
        with suppress(OSError):  # of a disk that fails: what ended the work is what has to be told
            temporary.unlink(missing_ok=True)


@contextmanager
def _as_conversion_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = f"{printable(str(target))}: cannot be put in place: {printable(str(error.strerror))}"
        hint = "is its folder still there, and its disk sound?"
        raise ConversionError(reason, hint=hint) from error


def _create(temporary: Path) -> None:
    try:
        temporary.touch(exist_ok=False)
    except OSError as error:
        reason = f"cannot write into {printable(str(temporary.parent))}: {error.strerror}"
        raise ConversionError(reason, hint="choose a folder that you may write to") from error


def put_in_place(temporary: Path, target: Path, *, overwrite: bool) -> None:
    """Give the complete file `temporary` the name `target`. Raises UsageError where that is taken."""
    if overwrite:
        temporary.replace(target)
        return
    try:
        target.hardlink_to(temporary)  # unlike rename(2), never replaces what appeared in the meantime
    except FileExistsError:
        raise UsageError(
            f"{printable(str(target))}: appeared while the work was under way, and was left as it is",
            hint="give another name, or --force to replace it",
        ) from None
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK}:
            raise
        temporary.replace(target)  # a file system without hard links, FAT for one


def sync(path: Path) -> None:
    """Let the file, or the names in the folder, be on the disk when this returns."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
