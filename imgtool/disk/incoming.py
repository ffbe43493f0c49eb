"""The image to convert, past the gate, whatever it comes from: a file, a compressed file, stdin."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imgtool.formats import admit
from imgtool.model.image import DiskImage
from imgtool.progress import Progress

STREAM = Path("-")
"""The name of stdin as a source, and of stdout as a target."""
STDIN = 0


@contextmanager
def incoming(
    path: Path, source_format: str | None, progress: Progress, *, may_stream: bool
) -> Iterator[DiskImage]:
    """The image at `path`; temporary copies last as long as the block does.

    With `may_stream` a raw disk that is compressed as a whole, or comes from a pipe, is not
    copied: it is read while it is converted. Raises all that the gate raises.
    """
    if path == STREAM and not stat.S_ISREG(os.fstat(STDIN).st_mode):
        from imgtool.disk.unpacking import from_pipe  # noqa: PLC0415 - loaded only where it is needed

        with from_pipe(source_format, progress, may_stream=may_stream) as image:
            yield image
        return
    image = admit(Path(os.path.realpath(f"/proc/self/fd/{STDIN}")) if path == STREAM else path, source_format)
    if image.wrapper is None:
        yield image
        return
    from imgtool.disk.unpacking import whole  # noqa: PLC0415 - loaded only where it is needed

    with whole(image, progress, may_stream=may_stream) as content:
        yield content
