"""What is sent of an image: its file as it is, or its disk in another format, made while it is read.

No temporary file is written. See payloads/ for the kinds.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from typing import Literal, Protocol

from imgtool.convert.native import estimated_bytes
from imgtool.convert.payloads.chunks import Chunks, FilePayload
from imgtool.convert.payloads.qcow2 import planned
from imgtool.convert.payloads.raw import RawPayload
from imgtool.convert.payloads.sent import SentParts
from imgtool.disk.access import READABLE
from imgtool.errors import UsageError
from imgtool.formats.claims import FORMATS, format_named
from imgtool.formats.gate import open_admitted, verify_unchanged
from imgtool.formats.source import Source as OpenFile
from imgtool.formats.source import changed, naming
from imgtool.model.free_blocks import FreeBlocks
from imgtool.model.image import DiskImage
from imgtool.util.progress import Progress
from imgtool.util.text import printable

Kind = Literal["file", "raw", "qcow2"]
_STREAMED: Mapping[str, Kind] = {"raw": "raw", "qcow2": "qcow2"}
"""What is made here."""


class Bytes(Protocol):
    """What can be read as a whole: the same each time. One reading after the other, not side by side."""

    @property
    def size_bytes(self) -> int:
        """How many bytes: exact, known before the first one is read."""

    def chunks(self) -> Chunks:
        """All bytes in order, 1 MiB at most in a chunk; each is valid until the next is asked for, no longer.

        Closing the generator frees all that it holds. Raises ImageUnreadableError where the image is damaged,
        or changed: before the last chunk is handed out, so that nobody takes what was sent for complete.
        """


class Payload(Bytes, Protocol):
    """Bytes to send."""

    @property
    def disk(self) -> Bytes | None:
        """Return the same disk as raw, which a Glance that converts keeps; None where these bytes are that.

        It is read from the same open file, after these bytes and not beside them.
        """


def can_stream(image: DiskImage, disk_format: str, *, rewrite: bool = False) -> bool:
    """Whether `open_payload` can: otherwise a conversion to a file has to come first. Pure."""
    return _kind(image, disk_format, rewrite=rewrite) is not None


@contextmanager
def open_payload(
    image: DiskImage,
    disk_format: str,
    progress: Progress,
    *,
    rewrite: bool = False,
    free_blocks: FreeBlocks | None = None,
) -> Iterator[Payload]:
    """What to send as `disk_format` (Glance's name, or qemu-img's): the file where the image is of it.

    With `rewrite` such a file is made anew too: the disk as a raw image, in whole sectors, or as a qcow2 of
    64 KiB clusters that are not compressed, without snapshots or leaks. A qcow2 takes one reading of the disk
    here, which `progress` meters. With `free_blocks`, which have no meaning in a file that is sent as it is,
    there are zeros in their place.
    Raises UsageError where a conversion is needed first; ImageUnreadableError where the image is damaged, or
    changed by the end of the block at the latest (a block device does not tell); VerificationError where the
    disk would be sent as raw and begins as another format.
    """
    kind = _kind(image, disk_format, rewrite=rewrite)
    unwatched = kind == "file" and image.handle is not None and not image.handle.watched
    if kind is None:
        raise _needs_conversion(image, disk_format)
    with open_admitted(image) as file, ExitStack() as stack:
        with naming(image.origin.path):
            content = _open(kind, image, file, progress, stack, free_blocks)
        raw = RawPayload(image, file, free_blocks)
        disk = _Guarded(image, raw) if _holds_disk(kind, image) else None
        payload = stack.enter_context(closing(_Guarded(image, content, disk, judge=unwatched)))
        _try_beginning(payload)
        yield payload


def _kind(image: DiskImage, disk_format: str, *, rewrite: bool) -> Kind | None:
    try:
        wanted = format_named(disk_format)
    except UsageError:
        return None
    if image.wrapper is not None or image.streamed:
        return None  # what is inside can be read once only, and its size is not known before
    if image.format == wanted and not rewrite:
        return "file"
    return _STREAMED.get(wanted) if image.format in READABLE else None


def _holds_disk(kind: Kind, image: DiskImage) -> bool:
    """Whether the bytes are an image of another format, whose disk can be read here."""
    return kind == "qcow2" or (kind == "file" and image.format != "raw" and image.format in READABLE)


def _needs_conversion(image: DiskImage, disk_format: str) -> UsageError:
    shown = printable(str(image.origin.path))
    inside = f"{image.format}, compressed as a whole," if image.wrapper else image.format
    hint = "convert it to a file first, and send that"
    known = disk_format.lower() in {*FORMATS, "vhd", "iso"}
    if not known:
        hint = "raw and qcow2 can be made, other formats only be sent as they are"
    return UsageError(f"{shown}: {inside} cannot be sent as {printable(disk_format)} as it is", hint=hint)


def _open(  # noqa: PLR0913, PLR0917 - what `open_payload` was told
    kind: Kind,
    image: DiskImage,
    file: OpenFile,
    progress: Progress,
    stack: ExitStack,
    free_blocks: FreeBlocks | None,
) -> Bytes:
    if kind == "file":
        return FilePayload(file)
    if kind == "raw":
        return RawPayload(image, file, free_blocks)
    with progress.meter("plan", estimated_bytes(image, free_blocks)) as meter:
        return stack.enter_context(planned(image, file, meter, free_blocks))


def _try_beginning(payload: Payload) -> None:
    """What is refused for its beginning is refused before anybody is told of an image."""
    with closing(payload.chunks()) as chunks:
        next(chunks, None)


class _Guarded:
    """A payload that is never complete unless it is as long as it should be, and the file still the same."""

    def __init__(
        self, image: DiskImage, content: Bytes, disk: "_Guarded | None" = None, *, judge: bool = False
    ) -> None:
        self._image = image
        self._content = content
        self.disk = disk
        self._judge = judge
        self._reading: Chunks | None = None

    @property
    def size_bytes(self) -> int:
        """Return the content's size."""
        return self._content.size_bytes

    def chunks(self) -> Chunks:
        """One reading at a time: one that was given up, and is still referred to by an error, ends here."""
        self.close()
        self._reading = self._checked()
        return self._reading

    def close(self) -> None:
        """End the reading that is under way: its threads must not outlive the open file."""
        if self._reading is not None:
            self._reading.close()

    def _checked(self) -> Chunks:
        position = 0
        with ExitStack() as stack:
            parts = stack.enter_context(closing(SentParts(self._image))) if self._judge else None
            for chunk in stack.enter_context(closing(self._named())):
                position += len(chunk)
                if parts is not None:
                    parts.take(chunk)
                if position >= self.size_bytes:
                    self._check(position, parts)
                yield chunk
        self._check(position, None)

    def _named(self) -> Chunks:
        with naming(self._image.origin.path):
            yield from self._content.chunks()

    def _check(self, sent_bytes: int, parts: SentParts | None) -> None:
        verify_unchanged(self._image)
        with naming(self._image.origin.path):
            if sent_bytes != self.size_bytes:
                raise changed()
            if parts is not None:
                parts.judge()
