"""Converts one image: plan (pure), execute, verify.

Execution writes beside the target, lets the gate and `qemu-img check` look at what was written, syncs and
renames. On any failure nothing stands at the target's name that was not there before.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from imgtool import qemu_img
from imgtool.disk import native
from imgtool.disk.output import check_target, written_beside
from imgtool.errors import ConversionError, ToolFailedError, ToolMissingError, UsageError, VerificationError
from imgtool.formats.bounds import round_to_sector
from imgtool.formats.gate import admit, verify_unchanged
from imgtool.model import (
    Compression,
    ConversionOptions,
    ConversionPlan,
    ConversionResult,
    DiskImage,
    Engine,
)
from imgtool.process import require
from imgtool.progress import Progress
from imgtool.text import printable

TargetFormat = Literal["raw", "qcow2"]

NATIVE_SOURCES = frozenset({"raw", "qcow2"})
"""What the native engine reads."""


def plan(  # noqa: PLR0913 - what the user says, named one by one
    source: DiskImage,
    target: Path,
    target_format: TargetFormat,
    compression: Compression = "none",
    *,
    overwrite: bool = False,
    options: ConversionOptions | None = None,
) -> ConversionPlan:
    """What will be done. Raises UsageError for what makes no sense."""
    options = options or ConversionOptions()
    _refuse_nonsense(target_format, compression, options)
    engine, reason = _choose_engine(source, target_format, options)
    return ConversionPlan(
        source=source,
        target=target,
        target_format=target_format,
        compression=compression,
        engine=engine,
        engine_reason=reason,
        overwrite=overwrite,
        options=options,
    )


def _refuse_nonsense(
    target_format: TargetFormat, compression: Compression, options: ConversionOptions
) -> None:
    if target_format == "raw" and compression != "none":
        raise UsageError("a raw image cannot be compressed", hint="use `-O qcow2`, or leave `-c` out")
    if target_format == "qcow2" and options.preallocation != "off":
        raise UsageError("only a raw target can be preallocated", hint="use `-O raw`")
    if options.level is not None:
        native.check_level(compression, options.level)
    native.check_cluster_size(options.cluster_size_bytes)


def _choose_engine(
    source: DiskImage, target_format: TargetFormat, options: ConversionOptions
) -> tuple[Engine, str]:
    """The native engine for all that it can do; why, for whoever wants to know."""
    if source.format not in NATIVE_SOURCES:
        if options.engine == "native":
            raise UsageError(
                f"the native engine cannot read {source.format}", hint="leave `--engine` out: qemu-img can"
            )
        return "qemu-img", f"reads {source.format}, writes {target_format}"
    if options.engine == "qemu-img":
        return "qemu-img", "asked for"
    return "native", f"reads {source.format} and writes {target_format} in parallel, data only"


def preflight(planned: ConversionPlan) -> None:
    """Refuse what cannot end well, before any byte is written. Raises UsageError, ToolMissingError."""
    if planned.target.exists() and planned.target.samefile(planned.source.origin.path):
        shown = printable(str(planned.target))
        raise UsageError(f"{shown}: is the source itself", hint="name another target")
    check_target(planned.target, overwrite=planned.overwrite)
    _require_judge(planned)


def _require_judge(planned: ConversionPlan) -> None:
    verify = planned.options.verify
    if verify == "full" or (verify == "check" and planned.target_format == "qcow2"):
        try:
            require("qemu-img")
        except ToolMissingError as error:
            hint = f"{error.hint}; or go without the check: --verify none"
            raise ToolMissingError(error.message, hint=hint) from error


def execute(planned: ConversionPlan, progress: Progress) -> ConversionResult:
    """Convert and verify. Raises ConversionError, VerificationError; the target is complete or untouched."""
    preflight(planned)
    started = time.monotonic()
    with written_beside(planned.target, overwrite=planned.overwrite) as temporary:
        done = _ENGINES[planned.engine](planned, temporary, progress)
        verify_unchanged(planned.source)
        written = _verify(planned, temporary, done.size_bytes, progress)
    return ConversionResult(
        plan=planned,
        file_size_bytes=written.file_size_bytes,
        allocated_bytes=written.allocated_bytes,
        seconds=time.monotonic() - started,
        virtual_size_bytes=written.virtual_size_bytes,
        data_bytes=done.data_bytes,
        cloned_bytes=done.cloned_bytes,
    )


def _run_native(planned: ConversionPlan, temporary: Path, progress: Progress) -> native.Transferred:
    with progress.meter("convert", native.estimated_bytes(planned.source)) as meter:
        return native.transfer(planned, temporary, meter)


def _run_qemu_img(planned: ConversionPlan, temporary: Path, progress: Progress) -> native.Transferred:
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
    return native.Transferred(round_to_sector(source.virtual_size_bytes), None)


_ENGINES: dict[Engine, Callable[[ConversionPlan, Path, Progress], native.Transferred]] = {
    "native": _run_native,
    "qemu-img": _run_qemu_img,
}


def _bytes_of(total_bytes: int, advance: Callable[[int], None]) -> Callable[[float], None]:
    """Turns qemu-img's share of the work into bytes more than before."""
    done_bytes = 0

    def listen(fraction: float) -> None:
        nonlocal done_bytes
        now_bytes = int(total_bytes * fraction)
        advance(max(now_bytes - done_bytes, 0))
        done_bytes = max(now_bytes, done_bytes)

    return listen


def _verify(planned: ConversionPlan, temporary: Path, size_bytes: int, progress: Progress) -> DiskImage:
    """The gate's word on our own output: a guest can write a qcow2 header into its own raw disk."""
    written = admit(temporary, planned.target_format)
    if written.virtual_size_bytes != size_bytes:
        sizes = f"{written.virtual_size_bytes} bytes instead of {size_bytes}"
        raise VerificationError(f"the converted disk has {sizes}")
    if planned.target_format == "qcow2" and planned.options.verify != "none":
        _check(temporary)
    if planned.options.verify == "full":
        _compare(planned, temporary, size_bytes, progress)
    return written


def _check(temporary: Path) -> None:
    result = qemu_img.check(temporary, "qcow2")
    if not result.clean:
        found = f"{result.corruptions} corruptions, {result.leaks} leaks, {result.errors} errors"
        raise VerificationError(f"the converted image fails `qemu-img check`: {found}")


def _compare(planned: ConversionPlan, temporary: Path, size_bytes: int, progress: Progress) -> None:
    source = planned.source
    with progress.meter("compare", size_bytes) as meter:
        on_fraction = _bytes_of(size_bytes, meter.advance)
        result = qemu_img.compare(
            source.path, source.format, temporary, planned.target_format, on_fraction=on_fraction
        )
    if not result.same:
        raise VerificationError(f"the converted disk differs from the source: {result.message}")
    verify_unchanged(source)
