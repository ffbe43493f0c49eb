"""What was sent of a file passes the gate once more, as it was sent.

Between the gate and the last byte somebody may write to the file. A lease tells of it
(util/leases.py) where one is to be had, and the file's times where they tell the truth; a device, and a file
that is mapped into another process's memory, have neither. So the parts of it that the gate judges are kept
while they are sent, in memory, and are judged before the last chunk is handed out.
"""

import os
from collections.abc import Sequence

from imgtool.convert.extents import Extent, clip
from imgtool.errors import ImgtoolError
from imgtool.formats.gate import admit_again
from imgtool.formats.source import changed
from imgtool.model.image import DiskImage


class SentParts:
    """A sparse file in memory, as long as the image's, with the parts in it that the gate looks at."""

    def __init__(self, image: DiskImage) -> None:
        self._image = image
        self._parts: Sequence[Extent] = [Extent(start, end) for start, end in image.judged]
        self._kept = os.memfd_create("imgtool-sent", os.MFD_CLOEXEC)
        os.ftruncate(self._kept, image.file_size_bytes)
        self._position = 0

    def take(self, chunk: memoryview) -> None:
        """The next bytes that are sent."""
        start, end = self._position, self._position + len(chunk)
        self._position = end
        for part in clip(self._parts, start, end):
            place, rest = part.start_bytes, chunk[part.start_bytes - start : part.end_bytes - start]
            while rest:
                written = os.pwrite(self._kept, rest, place)
                place, rest = place + written, rest[written:]

    def judge(self) -> None:
        """Raise ImageUnreadableError unless the gate says of them what it said of the file."""
        try:
            found = admit_again(self._image, self._kept)
        except ImgtoolError as error:
            raise changed() from error
        if found != self._image:
            raise changed()

    def close(self) -> None:
        """Let go of the memory."""
        os.close(self._kept)
