"""qemu-img, where a conversion needs it: as the engine, and as the judge of sources and of what was written.

Loaded only then: what it takes to run another program is a good part of imgtool's start.
"""

from collections.abc import Callable
from pathlib import Path

from imgtool.convert.native import Transferred
from imgtool.disk.consistency import for_qemu_img, read_consistency
from imgtool.errors import (
    ConversionError,
    ImageUnreadableError,
    ToolFailedError,
    ToolMissingError,
    VerificationError,
)
from imgtool.formats.bounds import round_to_sector
from imgtool.formats.examine import examine_clusters
from imgtool.formats.gate import open_admitted, verify_unchanged
from imgtool.formats.layout import MAPPED_FORMATS
from imgtool.formats.source import reopened
from imgtool.model.conversion import ConversionPlan
from imgtool.model.facts import Known
from imgtool.model.image import DiskImage
from imgtool.process import confined, qemu_img
from imgtool.process.programs import require
from imgtool.util.beside import Beside
from imgtool.util.progress import Progress, bytes_of
from imgtool.util.text import printable


def prepare() -> None:
    """Begin to find out, by a thread of its own, what a run of qemu-img needs to know: it takes 5 ms."""
    Beside(lambda: confined.prepare("qemu-img"))


def demand() -> None:
    """Raise ToolMissingError where there is no qemu-img to judge what will be written."""
    try:
        require("qemu-img")
    except ToolMissingError as error:
        hint = f"{error.hint}; or go without the check: --verify none"
        raise ToolMissingError(error.message, hint=hint) from error


def refuse_corrupt(source: DiskImage) -> None:
    """Raise ImageUnreadableError where the tables of a qcow2 contradict each other.

    What another cluster has overwritten looks like any other data: nobody would hear of it later.
    """
    found = read_consistency(source)
    if isinstance(found, Known) and not found.value:
        shown = printable(str(source.origin.path))
        raise ImageUnreadableError(
            f"{shown}: its tables contradict each other ({found.evidence}): what is read may not be what was "
            "written",
            hint="take a good copy, or repair one: qemu-img check -r all COPY; --force converts it as it is",
        )


def convert(planned: ConversionPlan, target: int, progress: Progress) -> Transferred:
    """Have it convert into the descriptor `target`. Raises ConversionError, ImageUnreadableError."""
    from imgtool.convert import sound  # noqa: PLC0415 - what inflates is loaded only where it is needed

    source = planned.source
    if source.format == "qcow2":
        examine_clusters(source)
        sound.check_compressed_clusters(source)
    elif source.format in MAPPED_FORMATS:
        sound.check_packed_spans(source)
    with open_admitted(source) as file, progress.meter("convert", source.virtual_size_bytes) as meter:
        try:
            qemu_img.convert(
                for_qemu_img(source.format, file),
                qemu_img.OpenImage(target, planned.target_format),
                compression=planned.compression,
                on_fraction=bytes_of(source.virtual_size_bytes, meter.advance),
            )
        except ToolFailedError as error:
            shown = printable(str(source.origin.path))
            raise ConversionError(f"{shown}: not converted: {error.message}", hint=error.hint) from error
    return Transferred(round_to_sector(source.virtual_size_bytes), None)


def checked(target: int, path: Path, admit: Callable[[], DiskImage]) -> DiskImage:
    """Return what `admit` says of the qcow2 that was written, the open file `target`.

    Raises VerificationError unless qemu-img finds nothing wrong with it, which looks at the same time: where
    nothing confines it, afterwards.
    """
    if confined.means() == "none":
        written = admit()
        _check(target, path)
        return written
    admitted = Beside(admit)
    _check(target, path)
    written = admitted.value()
    verify_unchanged(written)
    return written


def _check(target: int, path: Path) -> None:
    file = reopened(target, path)
    try:
        result = qemu_img.check(for_qemu_img("qcow2", file))
    finally:
        file.handle.close()
    if not result.clean:
        found = f"{result.corruptions} corruptions, {result.leaks} leaks, {result.errors} errors"
        raise VerificationError(f"the converted image fails `qemu-img check`: {found}")


def compare(source: DiskImage, written: DiskImage, progress: Progress) -> None:
    """Raise VerificationError unless both disks have the same content."""
    size = written.virtual_size_bytes
    with (
        open_admitted(source) as read,
        open_admitted(written) as file,
        progress.meter("compare", size) as meter,
    ):
        result = qemu_img.compare(
            for_qemu_img(source.format, read),
            for_qemu_img(written.format, file),
            on_fraction=bytes_of(size, meter.advance),
        )
    if not result.same:
        raise VerificationError(f"the converted disk differs from the source: {result.message}")
