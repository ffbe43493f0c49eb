"""GRUB's error numbers (include/grub/err.h), and what ends a run."""

from enum import IntEnum

from imgtool.guest.bootloader.run import LoadedEntry, LoaderEnd


class Err(IntEnum):
    """What a command returns."""

    NONE = 0
    TEST_FAILURE = 1
    BAD_FILE_TYPE = 4
    FILE_NOT_FOUND = 5
    FILE_READ = 6
    BAD_FILENAME = 7
    UNKNOWN_FS = 8
    BAD_NUMBER = 10
    OUT_OF_RANGE = 11
    UNKNOWN_DEVICE = 12
    BAD_DEVICE = 13
    UNKNOWN_COMMAND = 16
    INVALID_COMMAND = 17
    BAD_ARGUMENT = 18
    BAD_OS = 21
    NO_KERNEL = 22
    NOT_IMPLEMENTED = 24
    SYMLINK_LOOP = 25
    MENU = 27
    EXTRACTOR = 31


class GrubError(Exception):
    """A command failed: GRUB prints the message, and goes on with the next one."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


class Stop(Exception):  # noqa: N818 - not an error: it is how every run ends
    """The run is over."""

    def __init__(self, end: LoaderEnd, reason: str, booted: LoadedEntry | None = None) -> None:
        super().__init__(reason)
        self.end: LoaderEnd = end
        self.reason = reason
        self.booted = booted


class Undecided(Exception):  # noqa: N818 - likewise
    """What happens next depends on what cannot be known from the disk."""
