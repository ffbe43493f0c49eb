"""What code that is not ours makes of an image's first and last bytes: libmagic, and oslo.utils' inspector.

Both run in the box, and what they said comes out of it.
"""

import os
from dataclasses import dataclass

from imgtool.box import Job, Limits, ask
from imgtool.errors import ImageUnreadableError, UnsafeImageError
from imgtool.formats import inspector, sniff
from imgtool.formats.source import unnamed

LIMITS = Limits(cpu_seconds=20, memory_bytes=512 << 20, deadline_seconds=120.0)
"""It takes some hundredths of a second, and some MiB."""


@dataclass(frozen=True, slots=True)
class Given:
    """What to look at: a file of so many bytes."""

    size_bytes: int
    compressed_too: bool = False
    """To tell its format even where it could be a compressed file."""


@dataclass(frozen=True, slots=True)
class OtherContent:
    """Why it is no disk image: what the error says."""

    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Headers:
    """What they said. Of a file that is compressed as a whole only `wrapper`, unless more was asked for."""

    wrapper: str | None
    """gzip, xz, zstd or bzip2."""
    format: str
    """qemu-img's name of the one format that the content shows."""
    evidence: str
    unsafe: str | None
    """What OpenStack's safety checks say against it."""
    other_content: OtherContent | None
    """It is text, a document, an archive, a program: unless somebody says that it is a disk."""

    def refuse_unsafe(self) -> None:
        """Raise UnsafeImageError unless all of OpenStack's safety checks pass."""
        if self.unsafe is not None:
            raise UnsafeImageError(self.unsafe)

    def refuse_other_content(self) -> None:
        """Raise ImageUnreadableError for text, documents, archives and programs."""
        if self.other_content is not None:
            raise ImageUnreadableError(self.other_content.message, hint=self.other_content.hint)


def examine(descriptor: int, size_bytes: int) -> Headers:
    """The headers of an open file. Raises UnsafeImageError where its format cannot be told.

    Raises ImageUnreadableError where it cannot be read, or the box fails; ToolMissingError.
    """
    return ask(JOB, Given(size_bytes), descriptor)


def examine_bytes(content: bytes, *, compressed_too: bool = False) -> Headers:
    """The same of what is in memory only."""
    descriptor = os.memfd_create("imgtool", os.MFD_CLOEXEC)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        rest = memoryview(content)
        while rest:
            rest = rest[file.write(rest) :]
        return ask(JOB, Given(len(content), compressed_too), descriptor)


def look(given: Given, descriptor: int) -> Headers:
    """In the box."""
    source = unnamed(descriptor, given.size_bytes)
    prefix = source.read_at(0, sniff.SNIFFED_BYTES)
    wrapper = sniff.wrapper_of(prefix)
    if wrapper is not None and not given.compressed_too:
        return Headers(wrapper, "", "", None, None)
    verdict = inspector.detect(source.read_at, source.size_bytes)
    return Headers(wrapper, verdict.format, verdict.evidence, _unsafe(verdict), _other_content(prefix))


def _unsafe(verdict: inspector.Verdict) -> str | None:
    try:
        inspector.check_safety(verdict)
    except UnsafeImageError as error:
        return error.message
    return None


def _other_content(prefix: bytes) -> OtherContent | None:
    try:
        sniff.refuse_other_content(prefix)
    except ImageUnreadableError as error:
        return OtherContent(error.message, error.hint)
    return None


JOB = Job(
    name=f"{__name__}:JOB",
    subject="its header",
    question=Given,
    answer=Headers,
    work=look,
    limits=LIMITS,
    prepare=sniff.load,
)
