"""The verdict of oslo.utils' format inspector, which Nova, Glance and Cinder trust: theirs is ours."""

import io
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imgtool.errors import ImageUnreadableError, UnsafeImageError
from imgtool.formats.lazily import load_lazily
from imgtool.text import printable

for _costly in (  # a third of imgtool's start, seldom or never used by the inspector
    "oslo_utils.strutils",
    "cryptography.hazmat.primitives.ciphers",
    "cryptography.hazmat.primitives.hashes",
    "cryptography.hazmat.primitives.kdf.pbkdf2",
):
    load_lazily(_costly)
from oslo_utils.imageutils import format_inspector  # noqa: E402 - after the line that makes it cheap

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

logging.getLogger(format_inspector.__name__).addHandler(logging.NullHandler())
"""It logs what it refuses, and without a handler Python would print that to stderr."""

HEAD_BYTES = 16 << 20
"""Every header stands here, VHDX's metadata included, which begins at 2 or 3 MiB."""
TAIL_BYTES = 64 << 10
"""Of the end, VMDK's footer is looked at: 1536 bytes."""
_CHUNK_BYTES = 64 << 10

ReadAt = Callable[[int, int], bytes]
"""Offset and length to bytes, fewer at the end only."""

_NAMES = {"gpt": "raw", "iso": "raw", "vhd": "vpc"}
NO_SIGNATURE = "no format's signature"
_EVIDENCE = {
    "raw": NO_SIGNATURE,
    "gpt": "a partition table",
    "iso": "an ISO 9660 or UDF file system",
}
_ISOHYBRID = frozenset({"gpt", "iso"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """The one format that the content shows."""

    format: str
    """qemu-img's name."""
    evidence: str
    inspectors: tuple[format_inspector.FileInspector, ...]


class HeadAndTail(io.RawIOBase):
    """A file's first HEAD_BYTES and last TAIL_BYTES as one stream.

    The inspector reads streams to their end where a format keeps something there: this bounds its work,
    and gives it the same bytes.
    """

    def __init__(self, read_at: ReadAt, size_bytes: int) -> None:
        self._read_at = read_at
        self._size = size_bytes
        self._position = 0

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """The next bytes; none at the end."""
        view = memoryview(buffer).cast("B")
        end = self._position + len(view)
        if self._position < HEAD_BYTES:
            end = min(end, HEAD_BYTES)
        else:
            self._position = max(self._position, self._size - TAIL_BYTES)
            end = self._position + len(view)
        chunk = self._read_at(self._position, end - self._position)
        view[: len(chunk)] = chunk
        self._position += len(chunk)
        return len(chunk)


def detect(read_at: ReadAt, size_bytes: int) -> Verdict:
    """Which format it is. Raises UnsafeImageError where it is two, or the inspection itself fails."""
    stream = io.BufferedReader(HeadAndTail(read_at, size_bytes), _CHUNK_BYTES)
    wrapper = format_inspector.InspectWrapper(stream)
    try:
        while wrapper.formats is None and wrapper.read(_CHUNK_BYTES):
            pass
        wrapper.close()
        found = {str(inspector): inspector for inspector in wrapper.formats or ()}
    except ImageUnreadableError:
        raise
    except Exception as error:  # a check that crashes counts as unsafe
        raise UnsafeImageError(f"its format cannot be told: {_reason(error)}") from error
    if len(found) > 1 and found.keys() != _ISOHYBRID:
        raise UnsafeImageError(f"its content is two formats at once: {' and '.join(sorted(found))}")
    if not found:
        raise UnsafeImageError("its format cannot be told")
    # An installation medium that also starts from a USB stick is both, and either way raw; Nova allows it.
    name = "iso" if "iso" in found else next(iter(found))
    evidence = _EVIDENCE.get(name, f"a {_NAMES.get(name, name)} header")
    return Verdict(_NAMES.get(name, name), evidence, tuple(found.values()))


def check_safety(verdict: Verdict) -> None:
    """Raise UnsafeImageError unless all of the inspector's safety checks pass."""
    for inspector in verdict.inspectors:
        if len(verdict.inspectors) > 1 and str(inspector) == "gpt":
            continue  # the partition table of an isohybrid medium overlaps itself on purpose
        try:
            inspector.safety_check()
        except format_inspector.SafetyCheckFailed as error:
            reasons = "; ".join(_reason(failure) for failure in error.failures.values())
            raise UnsafeImageError(f"OpenStack refuses it: {reasons}") from error
        except Exception as error:  # a check that crashes counts as unsafe
            raise UnsafeImageError(f"OpenStack's safety check fails: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return printable(str(error))[:200] or type(error).__name__
