"""Converts one image: plan (pure), execute, verify.

Execution writes beside the target, lets the gate and `qemu-img check` look at what was written, syncs and
renames. On any failure nothing stands at the target's name that was not there before.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from imgtool import qemu_img
from imgtool.disk.output import check_target, written_beside
from imgtool.errors import ConversionError, ToolFailedError, UsageError, VerificationError
from imgtool.formats.gate import admit, verify_unchanged
from imgtool.model import Compression, ConversionPlan, ConversionResult, DiskImage
from imgtool.progress import Progress
from imgtool.text import printable

TargetFormat = Literal["raw", "qcow2"]


def plan(
    source: DiskImage,
    target: Path,
    target_format: TargetFormat,
    compression: Compression = "none",
    *,
    overwrite: bool = False,
) -> ConversionPlan:
    """What will be done. Raises UsageError for what makes no sense."""
    if target_format == "raw" and compression != "none":
        raise UsageError("a raw image cannot be compressed", hint="use `-O qcow2`, or leave `-c` out")
    return ConversionPlan(
        source=source,
        target=target,
        target_format=target_format,
        compression=compression,
        engine="qemu-img",
        engine_reason=f"reads {source.format}, writes {target_format}",
        overwrite=overwrite,
    )


def preflight(planned: ConversionPlan) -> None:
    """Refuse what cannot end well, before any byte is written. Raises UsageError."""
    if planned.target.exists() and planned.target.samefile(planned.source.origin.path):
        shown = printable(str(planned.target))
        raise UsageError(f"{shown}: is the source itself", hint="name another target")
    check_target(planned.target, overwrite=planned.overwrite)


def execute(planned: ConversionPlan, progress: Progress) -> ConversionResult:
    """Convert and verify. Raises ConversionError, VerificationError; the target is complete or untouched."""
    preflight(planned)
    started = time.monotonic()
    with written_beside(planned.target, overwrite=planned.overwrite) as temporary:
        _run_qemu_img(planned, temporary, progress)
        verify_unchanged(planned.source)
        written = _verify(planned, temporary)
    return ConversionResult(
        plan=planned,
        file_size_bytes=written.file_size_bytes,
        allocated_bytes=written.allocated_bytes,
        seconds=time.monotonic() - started,
    )


def _run_qemu_img(planned: ConversionPlan, temporary: Path, progress: Progress) -> None:
    source = planned.source
    with progress.meter("convert", source.virtual_size_bytes) as meter:
        try:
            qemu_img.convert(
                source.path,
                source.format,
                temporary,
                planned.target_format,
                compression=planned.compression,
                on_fraction=_bytes_of(source.virtual_size_bytes, meter.advance),
            )
        except ToolFailedError as error:
            shown = printable(str(source.origin.path))
            raise ConversionError(f"{shown}: not converted: {error.message}", hint=error.hint) from error


def _bytes_of(total_bytes: int, advance: Callable[[int], None]) -> Callable[[float], None]:
    """Turns qemu-img's share of the work into bytes more than before."""
    done_bytes = 0

    def listen(fraction: float) -> None:
        nonlocal done_bytes
        now_bytes = int(total_bytes * fraction)
        advance(max(now_bytes - done_bytes, 0))
        done_bytes = max(now_bytes, done_bytes)

    return listen


def _verify(planned: ConversionPlan, temporary: Path) -> DiskImage:
    """The gate's word on our own output: a guest can write a qcow2 header into its own raw disk."""
    written = admit(temporary, planned.target_format)
    if written.virtual_size_bytes != _expected_size(planned):
        sizes = f"{written.virtual_size_bytes} bytes instead of {planned.source.virtual_size_bytes}"
        raise VerificationError(f"the converted disk has {sizes}")
    if planned.target_format != "qcow2":
        return written
    result = qemu_img.check(temporary, "qcow2")
    if not result.clean:
        found = f"{result.corruptions} corruptions, {result.leaks} leaks, {result.errors} errors"
        raise VerificationError(f"the converted image fails `qemu-img check`: {found}")
    return written


def _expected_size(planned: ConversionPlan) -> int:
    """QEMU counts disks in sectors of 512 bytes and rounds up."""
    return -(-planned.source.virtual_size_bytes // 512) * 512
