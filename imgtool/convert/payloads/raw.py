"""The disk itself, read from an image of another format while it is sent."""

from contextlib import closing
from functools import cached_property

from imgtool.convert.base import Content
from imgtool.convert.native import piece_bytes, source_of
from imgtool.convert.ordered import contents, reading_threads
from imgtool.convert.payloads.chunks import CHUNK_BYTES, Chunks, filled, joined, zeros
from imgtool.convert.sinks import writing
from imgtool.formats.source import Source as OpenFile
from imgtool.model.free_blocks import FreeBlocks
from imgtool.model.image import DiskImage


class RawPayload:
    """The disk of `image`, in whole sectors. Memory: the pieces that are read ahead.

    Raises VerificationError at its beginning where the guest wrote another format's header there.
    """

    def __init__(self, image: DiskImage, file: OpenFile, free_blocks: FreeBlocks | None = None) -> None:
        """Send zeros for `free_blocks`."""
        self._image = image
        self._file = file
        self._free_blocks = free_blocks

    @cached_property
    def size_bytes(self) -> int:
        """The disk's. Raises ImageUnreadableError where the image's tables are damaged."""
        return source_of(self._image, self._file).size_bytes

    def chunks(self) -> Chunks:
        """All of it; what the source does not keep comes as zeros, which nobody reads."""
        return joined(self._parts())

    def _parts(self) -> Chunks:
        position = 0
        source = source_of(self._image, self._file, free_blocks=self._free_blocks)
        with closing(contents(source, piece_bytes(self._image), reading_threads())) as pieces:
            for content in pieces:
                if content.start_bytes == 0:
                    writing.refuse(_beginning(content))
                yield from zeros(content.start_bytes - position)
                yield from _filled(content)
                position = content.start_bytes + content.length_bytes
        yield from zeros(self.size_bytes - position)


def _filled(content: Content) -> Chunks:
    view = memoryview(content.buffer)
    yield from filled(((start, view[start:end]) for start, end in content.runs), content.length_bytes)


def _beginning(content: Content) -> bytes:
    return b"".join(_filled(content))[:CHUNK_BYTES]
