"""The gate: the only way from a path to a DiskImage.

What passes is a regular file or block device, of one allowed format, of the format that it claims, names no
other file, and has headers that can be. Nothing but its own bytes was read, and no other program ran; code
that is not ours looked at it in the sandbox (headers.py).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from imgtool.errors import ImageUnreadableError, UsageError
from imgtool.formats import claims, containers, foreign, headers
from imgtool.formats.bounds import check_hollow_tables, check_virtual_size, round_to_sector
from imgtool.formats.containers import Contained
from imgtool.formats.headers import HEAD_BYTES, NO_SIGNATURE, SNIFFED_BYTES, TAIL_BYTES, Headers
from imgtool.formats.layout import MAPPED_FORMATS, read_layout
from imgtool.formats.source import ReadAt, Source, check_identity, identify, naming, open_file, reopened
from imgtool.model.image import DiskImage
from imgtool.util import log

_CALLER = "the caller"


def admit(
    path: str | os.PathLike[str], claimed_format: str | None = None, *, disk: str | None = None
) -> DiskImage:
    """What the image at `path` is, if it is safe to use. `claimed_format` is the caller's word for it (`-f`).

    Without it the name's ending is the claim; either has to agree with the content. `disk` chooses one of an
    OVA by its file's name: without it there has to be one only. Raises UsageError, ImageUnreadableError,
    UnsafeImageError, FormatMismatchError; each message begins with the path.
    """
    claim = _Claim.of(path, claimed_format)
    with naming(path):
        source = open_file(path)
        return _admit(source, claim, disk, with_neighbours=True)


def admit_open(descriptor: int, claimed_format: str | None = None, *, disk: str | None = None) -> DiskImage:
    """Admit a file that the caller of imgtool has opened. Its name is for messages, and for the claim."""
    path = Path(os.path.realpath(f"/proc/self/fd/{descriptor}"))
    with naming(path):
        source = reopened(descriptor, path)
        source.handle.watch()
        return _admit(source, _Claim.of(path, claimed_format), disk, with_neighbours=True)


def admit_written(descriptor: int, path: Path, claimed_format: str, *, label: str = "") -> DiskImage:
    """Admit a file of our own that is open for writing. It is opened by no name: `path` is its name in what
    is returned, and `label` its name in messages, if that is another."""
    with naming(label or path):
        source = reopened(descriptor, path)
        return _admit(source, _Claim(claims.format_named(claimed_format), _CALLER))


def admit_again(image: DiskImage, descriptor: int) -> DiskImage:
    """What the gate says of a copy of what it judged of `image`, which names the same file.

    `descriptor` is the copy, open for writing. Raises as `admit` does.
    """
    copy = replace(reopened(descriptor, image.path), allocated_bytes=image.allocated_bytes)
    claim = _Claim(image.format, _CALLER)
    return replace(
        _admit(copy, claim),
        identity=image.identity,
        format_evidence=image.format_evidence,
        start_bytes=image.start_bytes,
        unpacked_from=image.unpacked_from,
        container=image.container,
    )


def admit_stdin(descriptor: int, claimed_format: str | None, disk: str | None = None) -> DiskImage:
    """Admit what came from stdin and is kept in a file of our own, which is open for writing."""
    with naming("stdin"):
        return _admit(reopened(descriptor, Path("stdin")), _Claim.of("stdin", claimed_format), disk)


@contextmanager
def open_admitted(image: DiskImage) -> Iterator[Source]:
    """The open file of `image`. Raises ImageUnreadableError where it changed since it passed the gate."""
    verify_unchanged(image)
    yield source_of(image)
    verify_unchanged(image)


@contextmanager
def open_whole(image: DiskImage) -> Iterator[Source]:
    """Open the whole file, of which the image may be a part."""
    with open_admitted(image) as source:
        size = image.identity.size_bytes
        yield replace(source, start_bytes=0, size_bytes=size, allocated_bytes=size)


def source_of(image: DiskImage) -> Source:
    """The file of `image` as it is open since it passed, and the part of it that is the image."""
    assert image.handle is not None  # noqa: S101 - it passed the gate
    return Source(
        image.handle,
        image.path,
        image.file_size_bytes,
        image.allocated_bytes,
        image.identity,
        image.start_bytes,
    )


def verify_unchanged(image: DiskImage) -> None:
    """Raise ImageUnreadableError unless the file is still the one that passed the gate."""
    with naming(image.origin.path):
        source_of(image).verify_unchanged()
        if image.container is not None and (descriptor := image.container.descriptor) is not None:
            check_identity(descriptor.handle, descriptor.identity)


def settled(image: DiskImage) -> DiskImage:
    """`image`, written by this process, once it has its name: getting that changed its times."""
    source = source_of(image)
    return replace(image, identity=identify(os.fstat(source.descriptor), image.identity.size_bytes))


def refuse_writers(image: DiskImage) -> None:
    """Raise ImageUnreadableError where another program had the file open for writing when it was opened.

    What is read then may be half of one state and half of another. A file that is only looked at may be so.
    """
    if image.handle is not None and image.handle.open_for_writing:
        with naming(image.origin.path):
            raise ImageUnreadableError(
                "another program has it open for writing",
                hint="switch off the virtual machine that uses it, or end the copy that writes it (fuser -v "
                "FILE names the program); --force-share reads it all the same",
            )


@dataclass(frozen=True, slots=True)
class _Claim:
    """What somebody says that the content is; `format` is None where nobody does."""

    format: str | None
    who: str
    """Says it, for messages."""

    @classmethod
    def of(cls, path: str | os.PathLike[str], claimed_format: str | None) -> "_Claim":
        if claimed_format is not None:
            return cls(claims.format_named(claimed_format), _CALLER)
        return cls(claims.format_by_ending(PurePath(os.fspath(path)).name), "its name")

    @property
    def by_caller(self) -> bool:
        return self.who == _CALLER

    @property
    def explicit_raw(self) -> bool:
        return self.by_caller and self.format == "raw"

    def __str__(self) -> str:
        if self.format is None:
            return "nobody claimed a format"
        return f"{self.who} says the same"


def _admit(
    source: Source, claim: _Claim, disk: str | None = None, *, with_neighbours: bool = False
) -> DiskImage:
    """The image, and what the gate found, in the log."""
    image = _found(source, claim, disk, with_neighbours=with_neighbours)
    log.info(
        __name__,
        f"{image.path}: passed as {image.format}: {image.format_evidence}",
        format=image.format,
        virtual_size_bytes=image.virtual_size_bytes,
        file_size_bytes=image.file_size_bytes,
    )
    return image


def _found(
    source: Source, claim: _Claim, disk: str | None = None, *, with_neighbours: bool = False
) -> DiskImage:
    """`with_neighbours`: a file beside it may belong to it, as it was opened by its name."""
    seen = headers.examine(source)
    if seen.archive and _may_be_ova(claim, disk):
        return _examine_contained(containers.by_archive(source, disk), claim)
    if disk is not None:
        raise UsageError("it is no OVA, so there are no disks to choose from", hint="leave out --disk")
    if seen.wrapper is None:
        found = _pair(source, seen, claim) if with_neighbours else None
        return _examine(source, seen, claim) if found is None else _examine_contained(found, claim)
    from imgtool.formats.wrapper import peek  # noqa: PLC0415 - loaded only where it is needed

    content = peek(seen.wrapper, source.read_at, source.size_bytes)
    inside = headers.examine_bytes(content)
    if inside.wrapper is not None:
        raise ImageUnreadableError("it is compressed more than once", hint="decompress it, and try again")
    return _examine_wrapped(source, seen.wrapper, content, inside, claim)


def _pair(source: Source, seen: Headers, claim: _Claim) -> Contained | None:
    """The disk of a VMDK whose descriptor is a file of its own, by either of its files."""
    if claim.format in {None, "vmdk"} and containers.is_vmdk_descriptor(source, seen):
        return containers.by_descriptor(source)
    named_as_data = claim.format == "vmdk" and not claim.by_caller and seen.format == "raw"
    return containers.by_data(source) if named_as_data else None


def _may_be_ova(claim: _Claim, disk: str | None) -> bool:
    """A caller who says that it is raw means the archive, unless he chooses a disk of it."""
    if claim.by_caller:
        return claim.format != "raw" or disk is not None
    return claim.format in {None, claims.OVA}


def _examine_contained(found: Contained, claim: _Claim) -> DiskImage:
    """The image alone, as if it were a file; it is refused where it is compressed, or a container itself.

    A caller's claim is for the image, and not for what it was found in.
    """
    of_itself = _Claim(found.claimed, found.who)
    from_caller = claim.by_caller and found.container.kind == "ova"
    with naming(found.container.member) if found.names_member else nullcontext():
        seen = headers.examine(found.source)
        if seen.wrapper is not None:
            raise ImageUnreadableError(f"it is compressed with {seen.wrapper}", hint=found.unpack_hint)
        image = _examine(found.source, seen, claim if from_caller else of_itself)
    evidence = f"{found.evidence}; {image.format_evidence}"
    return replace(image, container=found.container, format_evidence=evidence)


def _examine(source: Source, seen: Headers, claim: _Claim) -> DiskImage:
    judged = _Judged(source)
    verdict = _identify(seen, judged.read_at, source.size_bytes, claim)
    image = DiskImage(
        path=source.path,
        format=verdict.format,
        virtual_size_bytes=0,
        file_size_bytes=source.size_bytes,
        allocated_bytes=source.allocated_bytes,
        identity=source.identity,
        format_evidence=f"its content begins with {verdict.evidence}; {claim}",
        start_bytes=source.start_bytes,
        handle=source.handle,
        is_iso=verdict.is_iso,
        mbr_refusal=verdict.mbr_refusal,
    )
    image = _fill(image, judged.read_at, source.size_bytes)
    verdict.refuse_unsafe()
    return replace(image, judged=judged.parts())


class _Judged:
    """Notes what is read, besides the beginning and the end, which the inspector reads."""

    def __init__(self, source: Source) -> None:
        self._source = source
        size = source.size_bytes
        self._read = {(0, min(size, HEAD_BYTES)), (max(0, size - TAIL_BYTES), size)}

    def read_at(self, offset: int, length: int) -> bytes:
        """Read bytes as `Source.read_at` does."""
        self._read.add((offset, min(offset + length, self._source.size_bytes)))
        return self._source.read_at(offset, length)

    def parts(self) -> tuple[tuple[int, int], ...]:
        """Return the parts in order; parts that touch are joined."""
        merged: list[tuple[int, int]] = []
        for start, end in sorted(self._read):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return tuple(merged)


def _examine_wrapped(source: Source, wrapper: str, content: bytes, seen: Headers, claim: _Claim) -> DiskImage:
    """Examine it as far as the first bytes tell: tables and ends are examined once the content is a file.

    A raw disk may never be one, as it can be converted while it is inflated: it is judged here, like one.
    """

    def read_at(offset: int, length: int) -> bytes:
        return content[offset : offset + length]

    verdict = _identify(seen, read_at, len(content), claim)
    size = snapshots = 0
    if verdict.format == "qcow2":
        from imgtool.formats.qcow2 import gate as qcow2  # noqa: PLC0415 - loaded only where it is needed

        header = qcow2.judged_header(content)
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
        start_bytes=source.start_bytes,
        handle=source.handle,
        is_iso=verdict.is_iso,
        mbr_refusal=verdict.mbr_refusal,
    )


def _identify(verdict: Headers, read_at: ReadAt, size_bytes: int, claim: _Claim) -> Headers:
    """The one format of the content, allowed and as it was claimed."""
    prefix = read_at(0, SNIFFED_BYTES)
    if verdict.format == "raw" and claim.format == "vpc" and _has_vhd_footer(read_at, size_bytes):
        return replace(verdict, format="vpc", evidence="the disk itself, and ends with a VHD footer")
    foreign.refuse(prefix, verdict.format)
    if verdict.format == "raw" and not claim.explicit_raw:
        foreign.refuse_in_raw(read_at, size_bytes)
    if verdict.evidence == NO_SIGNATURE and not claim.explicit_raw:
        verdict.refuse_other_content()
    if claim.format not in {None, verdict.format}:
        content = _describe(verdict, read_at)
        raise claims.contradict(str(claim.format), who=claim.who, content=content)
    return verdict


def _has_vhd_footer(read_at: ReadAt, size_bytes: int) -> bool:
    from imgtool.formats.vpc_header import has_fixed_footer  # noqa: PLC0415 - loaded only where it is needed

    return has_fixed_footer(read_at, size_bytes)


def _describe(verdict: Headers, read_at: ReadAt) -> str:
    """The content for a message, with the backing file that makes a false claim an attack."""
    if verdict.format != "qcow2":
        return f"{verdict.format}, with {verdict.evidence}" if verdict.format == "raw" else verdict.format
    from imgtool.formats.qcow2 import gate as qcow2  # noqa: PLC0415 - loaded only where it is needed

    return qcow2.describe(read_at)


def _fill(image: DiskImage, read_at: ReadAt, size_bytes: int) -> DiskImage:
    """`image` with what its own headers say."""
    if image.format == "qcow2":
        from imgtool.formats.qcow2 import gate as qcow2  # noqa: PLC0415 - loaded only where it is needed

        return qcow2.fill(image, read_at, size_bytes)
    if image.format in MAPPED_FORMATS:
        return _fill_mapped(image, read_at, size_bytes)
    check_virtual_size(size_bytes)
    return replace(image, virtual_size_bytes=round_to_sector(size_bytes))


def _fill_mapped(image: DiskImage, read_at: ReadAt, size_bytes: int) -> DiskImage:
    layout = read_layout(image.format, read_at, size_bytes)
    check_virtual_size(layout.size_bytes)
    check_hollow_tables(layout.table_bytes, image.allocated_bytes)
    layout.check()
    return replace(
        image,
        virtual_size_bytes=round_to_sector(layout.size_bytes),
        cluster_size_bytes=layout.packed_block_bytes or None,
    )
