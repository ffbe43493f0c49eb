"""How an image gets to Glance: as it is, streamed, or converted to a file first. Decided here, once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from imgtool.convert import convert
from imgtool.convert.payload import can_stream
from imgtool.disk.temporary import temporary_folder
from imgtool.model.conversion import ConversionOptions, ConversionPlan
from imgtool.model.image import DiskImage
from imgtool.pipeline.request import PrepareRequest
from imgtool.util import log

Route = Literal["as-is", "streamed", "converted"]
"""The file itself; its disk in another format, made while it is read; or a file that is made first."""


@dataclass(frozen=True, slots=True)
class Way:
    """The route of one image, and the file that is made on it; None where none is."""

    route: Route
    target: Path | None = None

    def conversion(self, request: PrepareRequest, source: DiskImage) -> ConversionPlan | None:
        """How that file is made. Raises UsageError where the options contradict each other."""
        if self.target is None:
            return None
        return convert.plan(
            source,
            self.target,
            request.target_format,
            request.compression,
            trusted=True,  # image-consistent has judged it
            transient=request.keep is None,
            options=request.conversion,
        )


def choose_route(request: PrepareRequest, source: DiskImage) -> Route:
    """The first that is possible: no conversion, one while the disk is read and sent, one to a file.

    Clusters of another size, a comparison of all bytes, compression, and a file to keep need a file.
    """
    plain = request.keep is None and request.compression == "none"
    sparsify = request.conversion.sparsify
    if plain and request.conversion == ConversionOptions(sparsify=sparsify):
        if source.format == request.target_format and not sparsify:
            return "as-is"
        if can_stream(source, request.target_format, rewrite=sparsify):
            return "streamed"
    return "converted"


@contextmanager
def chosen_way(request: PrepareRequest, source: DiskImage) -> Iterator[Way]:
    """The route, and for a file the one to keep, or one below TMPDIR that is gone when the block ends."""
    route = choose_route(request, source)
    log.info(__name__, f"route {route}: {_reason(request, source, route)}", route=route)
    if route != "converted":
        yield Way(route)
    elif request.keep:
        yield Way(route, request.keep)
    else:
        with temporary_folder(request.source) as folder:
            yield Way(route, folder / f"image.{request.target_format}")


def _reason(request: PrepareRequest, source: DiskImage, route: Route) -> str:
    """Why it is this route; for the log."""
    target = request.target_format
    if route == "as-is":
        return f"it is {target} already"
    if route == "streamed":
        without = ", without its free blocks," if request.conversion.sparsify else ""
        return f"{source.format} becomes {target}{without} while it is read"
    if request.keep is not None:
        return "a file of it is to be kept"
    if request.compression != "none":
        return f"compression {request.compression} takes a file"
    if request.conversion != ConversionOptions(sparsify=request.conversion.sparsify):
        return "the options of the conversion take a file"
    return f"{source.format} cannot be sent as {target} while it is read"
