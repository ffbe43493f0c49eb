"""What code that is not ours makes of an image's first and last bytes: libmagic, and oslo.utils' inspector.

Both run in the sandbox, and what they said comes out of it. They are loaded there only: that takes as long as
the rest of imgtool's start.
"""

import fcntl
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imgtool.errors import ImageUnreadableError, UnsafeImageError
from imgtool.formats.source import Source, unnamed
from imgtool.sandbox import Job, Limits, ask

if TYPE_CHECKING:
    from imgtool.formats.inspector import Verdict

HEAD_BYTES = 16 << 20
"""Every header stands here, but for the metadata of a VHDX with a large log or block table before them."""
TAIL_BYTES = 64 << 10
"""Of the end, VMDK's footer is looked at: 1536 bytes."""
SNIFFED_BYTES = 4096
"""Of the beginning, for libmagic: every signature that counts stands there, and it takes a millisecond."""
NO_SIGNATURE = "no format's signature"
"""The evidence where the content shows no format."""
ISO = "an ISO 9660 or UDF file system"

LIMITS = Limits(cpu_seconds=20, memory_bytes=512 << 20, deadline_seconds=120.0)
"""It takes some hundredths of a second, and some MiB."""

_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
"""A descriptor of a file in memory is always one that can be written by: memfd_create(2)."""


@dataclass(frozen=True, slots=True)
class HeaderRequest:
    """What to read_headers_in_sandbox at: so many bytes of a file."""

    size_bytes: int
    start_bytes: int = 0
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
    archive: bool = False
    """It is a tar archive, as an OVA is, unless likewise."""
    mbr_refusal: str | None = None
    """What OpenStack's format inspector says against the partition table of a raw disk."""

    @property
    def is_iso(self) -> bool:
        """It is a raw image of an optical disc."""
        return self.evidence == ISO

    def refuse_unsafe(self) -> None:
        """Raise UnsafeImageError unless all of OpenStack's safety checks pass."""
        if self.unsafe is not None:
            raise UnsafeImageError(self.unsafe)

    def refuse_other_content(self) -> None:
        """Raise ImageUnreadableError for text, documents, archives and programs."""
        if self.other_content is not None:
            raise ImageUnreadableError(self.other_content.message, hint=self.other_content.hint)


def examine(source: Source) -> Headers:
    """The headers of an open file. Raises UnsafeImageError where its format cannot be told.

    Raises ImageUnreadableError where it cannot be read, or the sandbox fails; ToolMissingError.
    """
    return ask(JOB, HeaderRequest(source.size_bytes, source.start_bytes), source.descriptor)


def examine_bytes(content: bytes, *, compressed_too: bool = False) -> Headers:
    """Examine headers that are in memory only."""
    descriptor = os.memfd_create("imgtool", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        rest = memoryview(content)
        while rest:
            rest = rest[file.write(rest) :]
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
        return ask(JOB, HeaderRequest(len(content), compressed_too=compressed_too), descriptor)


def read_headers_in_sandbox(request: HeaderRequest, descriptor: int) -> Headers:
    """Read the headers; runs in the sandbox."""
    from imgtool.formats import inspector, sniff  # noqa: PLC0415 - see above

    source = unnamed(descriptor, request.size_bytes, request.start_bytes)
    prefix = source.read_at(0, SNIFFED_BYTES)
    wrapper = sniff.wrapper_of(prefix)
    if wrapper is not None and not request.compressed_too:
        return Headers(wrapper, "", "", None, None)
    verdict = inspector.detect(source.read_at, source.size_bytes)
    archive = verdict.evidence == NO_SIGNATURE and sniff.is_tar(prefix)
    return Headers(
        wrapper=wrapper,
        format=verdict.format,
        evidence=verdict.evidence,
        unsafe=_unsafe(verdict),
        other_content=_other_content(prefix),
        archive=archive,
        mbr_refusal=inspector.mbr_refusal(verdict),
    )


def load() -> None:
    """Load libraries in the server, before hostile bytes are near, and have them read a blank disk once.

    What they make on first use is there then in each sandbox, which takes half the time.
    """
    from imgtool.formats import inspector, sniff  # noqa: PLC0415 - see above

    sniff.load()
    blank = bytes(SNIFFED_BYTES)
    sniff.refuse_other_content(blank)
    inspector.check_safety(inspector.detect(lambda offset, length: blank[offset:][:length], len(blank)))


def _unsafe(verdict: "Verdict") -> str | None:
    from imgtool.formats.inspector import check_safety  # noqa: PLC0415 - see above

    try:
        check_safety(verdict)
    except UnsafeImageError as error:
        return error.message
    return None


def _other_content(prefix: bytes) -> OtherContent | None:
    from imgtool.formats import sniff  # noqa: PLC0415 - see above

    try:
        sniff.refuse_other_content(prefix)
    except ImageUnreadableError as error:
        return OtherContent(error.message, error.hint)
    return None


JOB = Job(
    name=f"{__name__}:JOB",
    subject="its header",
    question=HeaderRequest,
    answer=Headers,
    work=read_headers_in_sandbox,
    limits=LIMITS,
    prepare=load,
)
