"""The image to convert, past the gate, whatever it comes from: a file, a compressed file, stdin."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imgtool.formats.gate import admit, admit_open, refuse_writers
from imgtool.model.image import DiskImage
from imgtool.util import log
from imgtool.util.progress import Progress

STREAM = Path("-")
"""The name of stdin as a source, and of stdout as a target."""
STDIN = 0


@contextmanager
def incoming(  # noqa: PLR0913 - each says one thing about the image
    path: Path,
    source_format: str | None,
    progress: Progress,
    *,
    may_stream: bool,
    force_share: bool = True,
    admitted: DiskImage | None = None,
    disk: str | None = None,
) -> Iterator[DiskImage]:
    """The image at `path`, open for as long as the block lasts.

    With `may_stream` a raw disk that is compressed as a whole, or comes from a pipe, is not copied: it is
    read while it is converted. With `force_share` another program may have it open for writing.
    What was `admitted` before is not opened again. `disk` is the one to take of an OVA.
    Raises all that the gate raises.
    """
    with log.about(str(path)):
        image = _whole(
            admitted or _admitted(path, source_format, disk, progress, may_stream=may_stream),
            progress,
            may_stream=may_stream,
        )
        if not force_share:
            refuse_writers(image.unpacked_from or image)
        yield image


def _admitted(
    path: Path, source_format: str | None, disk: str | None, progress: Progress, *, may_stream: bool
) -> DiskImage:
    if path != STREAM:
        return admit(path, source_format, disk=disk)
    if stat.S_ISREG(os.fstat(STDIN).st_mode):
        return admit_open(STDIN, source_format, disk=disk)
    from imgtool.disk.unpacked import from_pipe  # noqa: PLC0415 - loaded only where it is needed

    return from_pipe(source_format, progress, may_stream=may_stream, disk=disk)


def _whole(image: DiskImage, progress: Progress, *, may_stream: bool) -> DiskImage:
    if image.wrapper is None or image.streamed:
        return image
    from imgtool.disk.unpacked import whole  # noqa: PLC0415 - loaded only where it is needed

    return whole(image, progress, may_stream=may_stream)
