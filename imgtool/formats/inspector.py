"""The verdict of oslo.utils' format inspector, which Nova, Glance and Cinder trust: theirs is ours."""

import io
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from imgtool.errors import ImageUnreadableError, UnsafeImageError
from imgtool.formats.headers import HEAD_BYTES, ISO, NO_SIGNATURE, TAIL_BYTES
from imgtool.formats.lazily import load_if_needed, load_lazily
from imgtool.formats.source import ReadAt
from imgtool.formats.vhdx.place import metadata_end
from imgtool.util.text import printable

load_lazily("oslo_utils.strutils")
# It decrypts, which takes a passphrase that nobody gives here, with libraries that take as long as all else.
load_if_needed("oslo_utils.imageutils._luks", {"LUKSHeader": dict})
from oslo_utils.imageutils import format_inspector  # noqa: E402 - after the lines that make it cheap

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

logging.getLogger(format_inspector.__name__).addHandler(logging.NullHandler())
"""It logs what it refuses, and without a handler Python would print that to stderr."""

_MAX_HEAD_BYTES = 1 << 30
"""The largest block table of a VHDX has half of it."""
_CHUNK_BYTES = 64 << 10

_NAMES = {"gpt": "raw", "iso": "raw", "vhd": "vpc"}
_EVIDENCE = {
    "raw": NO_SIGNATURE,
    "gpt": "a partition table",
    "iso": ISO,
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
    """A file's first bytes, HEAD_BYTES as a rule, and its last TAIL_BYTES as one stream.

    The inspector reads streams to their end where a format keeps something there: this bounds its work,
    and gives it the same bytes.
    """

    def __init__(self, read_at: ReadAt, size_bytes: int, head_bytes: int = HEAD_BYTES) -> None:
        self._read_at = read_at
        self._size = size_bytes
        self._head = head_bytes
        self._position = 0

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """The next bytes; none at the end."""
        view = memoryview(buffer).cast("B")
        end = self._position + len(view)
        if self._position < self._head:
            end = min(end, self._head)
        else:
            self._position = max(self._position, self._size - TAIL_BYTES)
            end = self._position + len(view)
        chunk = self._read_at(self._position, end - self._position)
        view[: len(chunk)] = chunk
        self._position += len(chunk)
        return len(chunk)


def detect(read_at: ReadAt, size_bytes: int) -> Verdict:
    """Which format it is. Raises UnsafeImageError where it is two, or the inspection itself fails."""
    metadata = metadata_end(read_at)
    head = metadata if HEAD_BYTES < metadata <= min(size_bytes, _MAX_HEAD_BYTES) else HEAD_BYTES
    stream = io.BufferedReader(HeadAndTail(read_at, size_bytes, head), _CHUNK_BYTES)
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
    """Raise UnsafeImageError unless all of the inspector's safety checks pass, but for `mbr_refusal`'s."""
    for inspector in verdict.inspectors:
        if str(inspector) == "gpt":
            continue
        if found := _objection(inspector):
            said = "OpenStack's safety check fails" if found.crashed else "OpenStack refuses it"
            raise UnsafeImageError(f"{said}: {found.reason}")


def mbr_refusal(verdict: Verdict) -> str | None:
    """What the inspector says against the MBR of a raw disk; None where it says nothing.

    An MBR that other tools than OpenStack's own write differently names no file and harms nobody: it is a
    question of who takes the disk as raw. Of an isohybrid medium the partition table overlaps itself on
    purpose, and nobody asks: it is an ISO.
    """
    if len(verdict.inspectors) != 1 or str(verdict.inspectors[0]) != "gpt":
        return None
    found = _objection(verdict.inspectors[0])
    if found is None:
        return None
    return f"the check fails: {found.reason}" if found.crashed else found.reason


class _Objection(NamedTuple):
    """Why an inspector does not let an image through."""

    reason: str
    crashed: bool
    """The check itself failed, and that lets nothing through either."""


def _objection(inspector: format_inspector.FileInspector) -> _Objection | None:
    try:
        inspector.safety_check()
    except format_inspector.SafetyCheckFailed as error:
        return _Objection("; ".join(map(_reason, error.failures.values())), crashed=False)
    except Exception as error:
        return _Objection(_reason(error), crashed=True)
    return None


def _reason(error: Exception) -> str:
    return printable(str(error))[:200] or type(error).__name__
