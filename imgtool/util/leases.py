"""Leases on files that are read: whoever opens one for writing is noticed, and waits until it is let go.

Source: fcntl(2), "Leases". A read lease is to be had for a regular file of one's own, or by root, on a file
system of this machine, while nobody has it open for writing. Writing by mmap breaks it like any other, which
no time of the file would tell of at once. The kernel tells of it by a signal, SIGIO: without a handler that
would end the process, so nothing is leased unless the program asked for it (`enabled`).
"""

import fcntl
import signal
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType


class Lease:
    """A lease on an open file; it ends with the file's last descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._broken = False

    def let_go_if_broken(self) -> bool:
        """Whether somebody has opened the file for writing since; who waits for that goes on then."""
        if not self._broken and fcntl.fcntl(self._descriptor, fcntl.F_GETLEASE) != fcntl.F_RDLCK:
            self._broken = True
            with suppress(OSError):
                fcntl.fcntl(self._descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        return self._broken


class OpenForWritingError(Exception):
    """Somebody has the file open for writing already."""


_FLOCK = struct.Struct("hhqqi4x")
"""struct flock where offsets have 64 bits: kind, whence, start, length, process."""
_QEMU_WRITES = 101
"""The byte that QEMU locks of an image to which it may write: RAW_LOCK_PERM_BASE and BLK_PERM_WRITE, in its
block/file-posix.c. It does so for devices, and wherever the file system has such locks."""


def written_by_qemu(descriptor: int) -> bool:
    """Whether a QEMU has the open file for writing now, by the lock that it has on it.

    For devices, and for files of others, of which no lease is to be had; False where nobody can tell.
    """
    asked = _FLOCK.pack(fcntl.F_WRLCK, 0, _QEMU_WRITES, 1, 0)
    try:
        found = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, asked)
    except OSError:
        return False
    return bool(_FLOCK.unpack(found)[0] != fcntl.F_UNLCK)


_taken: dict[int, Lease] = {}
"""By descriptor; `release` takes them out before it is closed."""
_enabled: list[bool] = []


@contextmanager
def enabled() -> Iterator[None]:
    """A block in which files are leased. For the main thread of a program.

    A lease that is left at its end stays: of the signal that breaks it nobody hears any more.
    """
    before = signal.signal(signal.SIGIO, _on_signal)
    _enabled[:] = [True]
    try:
        yield
    finally:
        _enabled.clear()
        signal.signal(signal.SIGIO, signal.SIG_IGN if _taken else before)


def take(descriptor: int) -> Lease | None:
    """A lease on an open file; None where none is to be had. Raises OpenForWritingError."""
    if not _enabled:
        return None
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        raise OpenForWritingError from None
    except OSError:
        return None
    _taken[descriptor] = Lease(descriptor)
    return _taken[descriptor]


def release(descriptor: int) -> None:
    """The descriptor is closed next."""
    _taken.pop(descriptor, None)


def _on_signal(_number: int, _frame: FrameType | None) -> None:
    for lease in list(_taken.values()):
        lease.let_go_if_broken()
