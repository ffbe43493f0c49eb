"""The gate: the only way from a path to a DiskImage.

What passes is a regular file or block device, of one allowed format, of the format that it claims, names no
other file, and has headers that can be. Nothing but its own bytes was read, and no other program ran; code
that is not ours looked at it in the box (headers.py).
"""

import importlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import PurePath

from imgtool.errors import ImageUnreadableError, ImgtoolError
from imgtool.formats import (
    claims,
    foreign,
    headers,
    inspector,
    qcow2_header,
    qcow2_safety,
    qcow2_snapshots,
    qcow2_tables,
    sniff,
)
from imgtool.formats.bounds import check_virtual_size, round_to_sector
from imgtool.formats.headers import Headers
from imgtool.formats.inspector import ReadAt
from imgtool.formats.source import Source, identify, naming, open_source
from imgtool.model.image import DiskImage
from imgtool.text import printable

_OTHER_HEADERS: Mapping[str, str] = {
    "vmdk": "imgtool.formats.vmdk_header",
    "vdi": "imgtool.formats.vdi_header",
    "vpc": "imgtool.formats.vpc_header",
    "vhdx": "imgtool.formats.vhdx_header",
}
"""Modules that are loaded only for such a file: most are raw or qcow2."""


def admit(path: str | os.PathLike[str], claimed_format: str | None = None) -> DiskImage:
    """What the image at `path` is, if it is safe to use. `claimed_format` is the caller's word for it (`-f`).

    Without it the name's ending is the claim; either has to agree with the content. Raises UsageError,
    ImageUnreadableError, UnsafeImageError, FormatMismatchError; each message begins with the path.
    """
    claim = _Claim.of(path, claimed_format)
    with naming(path), open_source(path) as source:
        return _admit(source, claim)


@contextmanager
def open_admitted(image: DiskImage) -> Iterator[Source]:
    """The file of `image`, open. Raises ImageUnreadableError where it changed since, or while it was open."""
    with ExitStack() as stack:
        with naming(image.path):
            source = stack.enter_context(open_source(image.path))
            if source.identity != image.identity:
                raise changed()
        yield source
    verify_unchanged(image)


def verify_unchanged(image: DiskImage) -> None:
    """Raise ImageUnreadableError unless the file is still the one that passed the gate."""
    with naming(image.path):
        try:
            found = os.lstat(image.path)
        except OSError as error:
            raise ImageUnreadableError(f"it is gone: {printable(str(error.strerror))}") from error
        # The size of a block device stands elsewhere, and does not change by writing.
        size = image.file_size_bytes if stat.S_ISBLK(found.st_mode) else found.st_size
        if identify(found, size) != image.identity:
            raise changed()


def changed() -> ImageUnreadableError:
    """The error for a file that is not what it was when it passed."""
    return ImageUnreadableError(
        "it changed after it was examined",
        hint="make sure that nothing writes to it, no running virtual machine above all; try again",
    )


@dataclass(frozen=True, slots=True)
class _Claim:
    """What somebody says that the content is; `format` is None where nobody does."""

    format: str | None
    by_caller: bool

    @classmethod
    def of(cls, path: str | os.PathLike[str], claimed_format: str | None) -> "_Claim":
        if claimed_format is not None:
            return cls(claims.format_named(claimed_format), by_caller=True)
        return cls(claims.format_by_ending(PurePath(os.fspath(path)).name), by_caller=False)

    @property
    def explicit_raw(self) -> bool:
        return self.by_caller and self.format == "raw"

    def __str__(self) -> str:
        if self.format is None:
            return "nobody claimed a format"
        return "the caller says the same" if self.by_caller else "its name says the same"


def _admit(source: Source, claim: _Claim) -> DiskImage:
    seen = headers.examine(source.descriptor, source.size_bytes)
    if seen.wrapper is None:
        return _examine(source, seen, claim)
    from imgtool.formats.wrapper import peek  # noqa: PLC0415 - loaded only where it is needed

    content = peek(seen.wrapper, source.read_at, source.size_bytes)
    inside = headers.examine_bytes(content)
    if inside.wrapper is not None:
        raise ImageUnreadableError("it is compressed more than once", hint="decompress it, and try again")
    return _examine_wrapped(source, seen.wrapper, content, inside, claim)


def _examine(source: Source, seen: Headers, claim: _Claim) -> DiskImage:
    verdict = _identify(seen, source.read_at, source.size_bytes, claim)
    image = DiskImage(
        path=source.path,
        format=verdict.format,
        virtual_size_bytes=0,
        file_size_bytes=source.size_bytes,
        allocated_bytes=source.allocated_bytes,
        identity=source.identity,
        format_evidence=f"its content begins with {verdict.evidence}; {claim}",
    )
    image = _fill(image, source.read_at, source.size_bytes)
    verdict.refuse_unsafe()
    return image


def _examine_wrapped(source: Source, wrapper: str, content: bytes, seen: Headers, claim: _Claim) -> DiskImage:
    """As far as the first bytes tell: tables and ends are examined once the content is a file.

    A raw disk may never be one, as it can be converted while it is inflated: it is judged here, like one.
    """

    def read_at(offset: int, length: int) -> bytes:
        return content[offset : offset + length]

    verdict = _identify(seen, read_at, len(content), claim)
    size = snapshots = 0
    if verdict.format == "qcow2":
        header = qcow2_header.parse(content)
        qcow2_safety.judge(header, None)
        size, snapshots = header.virtual_size_bytes, header.snapshots
    if verdict.format == "raw":
        verdict.refuse_unsafe()
    return DiskImage(
        path=source.path,
        format=verdict.format,
        virtual_size_bytes=size,
        file_size_bytes=source.size_bytes,
        allocated_bytes=source.allocated_bytes,
        identity=source.identity,
        format_evidence=f"it is compressed with {wrapper}; inside is {verdict.evidence}; {claim}",
        wrapper=wrapper,
        snapshots=snapshots,
    )


def _identify(verdict: Headers, read_at: ReadAt, size_bytes: int, claim: _Claim) -> Headers:
    """The one format of the content, allowed and as it was claimed."""
    prefix = read_at(0, sniff.SNIFFED_BYTES)
    if verdict.format == "raw" and claim.format == "vpc" and _has_vhd_footer(read_at, size_bytes):
        return replace(verdict, format="vpc", evidence="the disk itself, and ends with a VHD footer")
    foreign.refuse(prefix, verdict.format)
    if verdict.evidence == inspector.NO_SIGNATURE and not claim.explicit_raw:
        verdict.refuse_other_content()
    if claim.format not in {None, verdict.format}:
        content = _describe(verdict, read_at)
        raise claims.contradict(str(claim.format), by_caller=claim.by_caller, content=content)
    return verdict


def _has_vhd_footer(read_at: ReadAt, size_bytes: int) -> bool:
    return bool(importlib.import_module(_OTHER_HEADERS["vpc"]).has_fixed_footer(read_at, size_bytes))


def _describe(verdict: Headers, read_at: ReadAt) -> str:
    """The content for a message, with the backing file that makes a false claim an attack."""
    if verdict.format != "qcow2":
        return f"{verdict.format}, with {verdict.evidence}" if verdict.format == "raw" else verdict.format
    try:
        backing_file = qcow2_header.read(read_at).backing_file
    except ImgtoolError:
        return "qcow2 with a damaged header"
    return "qcow2" if backing_file is None else f"qcow2 with a backing file '{backing_file}'"


def _fill(image: DiskImage, read_at: ReadAt, size_bytes: int) -> DiskImage:
    """`image` with what its own headers say."""
    if image.format == "qcow2":
        return _fill_qcow2(image, read_at, size_bytes)
    if image.format in _OTHER_HEADERS:
        header = importlib.import_module(_OTHER_HEADERS[image.format])
        return replace(image, virtual_size_bytes=header.virtual_size(read_at, size_bytes))
    check_virtual_size(size_bytes)
    return replace(image, virtual_size_bytes=round_to_sector(size_bytes))


def _fill_qcow2(image: DiskImage, read_at: ReadAt, size_bytes: int) -> DiskImage:
    header = qcow2_header.read(read_at)
    qcow2_safety.judge(header, size_bytes)
    tables, clusters = qcow2_tables.read_tables(read_at, header, size_bytes)
    count = len(tables) - tables.count(0) + qcow2_snapshots.count_l2_tables(read_at, header, clusters)
    qcow2_safety.judge_l2_tables(header, count, image.allocated_bytes)
    return replace(
        image,
        virtual_size_bytes=round_to_sector(header.virtual_size_bytes),
        cluster_size_bytes=header.cluster_size_bytes,
        compression_type=header.compression_type,
        version=header.version,
        snapshots=header.snapshots,
    )
