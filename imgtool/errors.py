"""Everything that imgtool expects to go wrong: one hierarchy, and each class knows its exit status.

An error says what happened and to which file (`message`) and what to do next (`hint`).
Whatever is raised that is not an `ImgtoolError` is a bug and leaves with `EXIT_BUG`.
"""

from collections.abc import Sequence
from typing import ClassVar

EXIT_OK = 0
EXIT_CHECK_FAILED = 1
EXIT_PART_FAILED = 7
EXIT_BUG = 70
EXIT_INTERRUPTED = 130


class ImgtoolError(Exception):
    """Base of all expected errors. `code` is its stable name in JSON."""

    exit_status: ClassVar[int]
    code: ClassVar[str]
    usual_hint: ClassVar[str] = ""
    """What to do where nothing more precise is known."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.usual_hint


class UsageError(ImgtoolError):
    """The command line, or a file that it names, asks for something that makes no sense."""

    exit_status = 2
    code = "usage"

    def __init__(self, message: str, *, hint: str = "", others: Sequence["UsageError"] = ()) -> None:
        super().__init__(message, hint=hint)
        self.others = tuple(others)
        """What else is wrong in the same file, from its beginning to its end."""


class ImageUnreadableError(ImgtoolError):
    """The image is missing, not a disk image, damaged, or may not be read."""

    exit_status = 3
    code = "image-unreadable"
    usual_hint = "get the file again from where it comes from, and compare its checksum"


class FetchError(ImgtoolError):
    """An image could not be fetched from the URL where it is to be; nothing of it is left."""

    exit_status = 3
    code = "not-fetched"


class UnsafeImageError(ImgtoolError):
    """The gate refuses the image: using it could disclose or damage something of the host's."""

    exit_status = 3
    code = "image-unsafe"
    usual_hint = "do not use it: ask whoever made it for one flat image, as `qemu-img convert` writes it"


class FormatMismatchError(UnsafeImageError):
    """The content is of another format than the name or the caller claims."""

    code = "format-mismatch"


class ToolMissingError(ImgtoolError):
    """An external program or library that this work needs is not installed."""

    exit_status = 4
    code = "tool-missing"


class ToolFailedError(ImgtoolError):
    """An external program failed, or did not end in its time."""

    exit_status = 4
    code = "tool-failed"


class ConversionError(ImgtoolError):
    """The conversion failed; nothing stands under the target's name that was not there before."""

    exit_status = 5
    code = "conversion-failed"


class VerificationError(ImgtoolError):
    """What was written or uploaded is not what was meant."""

    exit_status = 5
    code = "verification-failed"


class OutputError(ImgtoolError):
    """The result cannot be written to stdout. What was to be done is done."""

    exit_status = 5
    code = "output-failed"


class CloudError(ImgtoolError):
    """Keystone or Glance cannot be reached, refused, or failed."""

    exit_status = 6
    code = "cloud-failed"


class ReaderGoneError(ImgtoolError):
    """Whoever read our output wants no more of it, as in `imgtool ... | head`: there is nothing to say."""

    exit_status = EXIT_INTERRUPTED
    code = "reader-gone"


class InterruptedByUserError(ImgtoolError):
    """A signal asked to stop."""

    exit_status = EXIT_INTERRUPTED
    code = "interrupted"
