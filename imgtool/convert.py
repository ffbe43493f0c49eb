"""Converts one image: plan (pure), execute, verify.

Execution writes beside the target, lets the gate and `qemu-img check` look at what was written, syncs and
renames. On any failure nothing stands at the target's name that was not there before.
"""

import shutil
import time
from pathlib import Path
from typing import Literal

from imgtool import qemu_img
from imgtool.disk import native
from imgtool.disk.incoming import STREAM
from imgtool.disk.output import check_device, check_target, opened_for_writing, written_beside
from imgtool.disk.sound import check_compressed_clusters
from imgtool.errors import (
    ConversionError,
    ImgtoolError,
    ToolFailedError,
    ToolMissingError,
    UsageError,
    VerificationError,
)
from imgtool.formats.bounds import round_to_sector
from imgtool.formats.examine import examine_clusters
from imgtool.formats.gate import admit, verify_unchanged
from imgtool.model.conversion import Compression, ConversionOptions, ConversionPlan, ConversionResult, Engine
from imgtool.model.image import DiskImage
from imgtool.process import require
from imgtool.progress import Progress, bytes_of
from imgtool.text import human_size, printable

TargetFormat = Literal["raw", "qcow2"]

NATIVE_SOURCES = frozenset({"raw", "qcow2"})
"""What the native engine reads."""
_STDOUT = 1
_COMPRESSED_SHARE = 0.4
"""Of a system's disk, as a rule: a Debian 12 image is 0.38 of it by zlib, 0.35 by zstd."""


def plan(  # noqa: PLR0913 - what the user says, named one by one
    source: DiskImage,
    target: Path,
    target_format: TargetFormat,
    compression: Compression = "none",
    *,
    overwrite: bool = False,
    transient: bool = False,
    options: ConversionOptions | None = None,
) -> ConversionPlan:
    """What will be done. Raises UsageError for what makes no sense."""
    options = options or ConversionOptions()
    _refuse_nonsense(target_format, compression, options)
    engine, reason = _choose_engine(source, target_format, options)
    if engine == "qemu-img":
        _refuse_native_options(options)
    if target == STREAM or target.is_block_device():
        _refuse_special_target(target_format, engine, options)
    if options.verify == "full" and (source.streamed or source.wrapper or target == STREAM):
        raise UsageError(
            "a disk that is read or written as a stream cannot be compared afterwards",
            hint="use `--verify check`, or files",
        )
    return ConversionPlan(
        source=source,
        target=target,
        target_format=target_format,
        compression=compression,
        engine=engine,
        engine_reason=reason,
        overwrite=overwrite,
        transient=transient,
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


def _refuse_native_options(options: ConversionOptions) -> None:
    """qemu-img is left to its own choices: an option that would have no effect is better refused."""
    if options != ConversionOptions(engine=options.engine, verify=options.verify):
        raise UsageError(
            "--level, --cluster-size, --threads, --preallocation and --no-extents are the native engine's",
            hint="leave them out: qemu-img converts this one",
        )


def _refuse_special_target(target_format: TargetFormat, engine: Engine, options: ConversionOptions) -> None:
    """A device and a pipe hold the disk itself, and are written by the native engine only."""
    if target_format != "raw":
        raise UsageError(
            f"{target_format} can go to a regular file only: its tables are written last", hint="use `-O raw`"
        )
    if engine != "native" or options.preallocation != "off":
        raise UsageError(
            "stdout and block devices are written by the native engine, and need no preallocation",
            hint="give a file as the target, or leave --engine and --preallocation out",
        )


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
        if source.streamed or source.wrapper:
            raise UsageError("qemu-img cannot read a stream", hint="leave `--engine` out")
        return "qemu-img", "asked for"
    return "native", f"reads {source.format} and writes {target_format} in parallel, data only"


def preflight(planned: ConversionPlan) -> None:
    """Refuse what cannot end well, before any byte is written. Raises UsageError, ToolMissingError."""
    if planned.target != STREAM:
        _refuse_source_itself(planned)
        if planned.target.is_block_device():
            check_device(planned.target, planned.source.virtual_size_bytes, overwrite=planned.overwrite)
        else:
            check_target(planned.target, overwrite=planned.overwrite)
    _require_judge(planned)


def lack_of_room(planned: ConversionPlan) -> str | None:
    """What to say where the target's file system may be too small; None where it seems large enough.

    Only a guess: zeros are not written, shared blocks take no room, and nobody knows what compression leaves.
    """
    free = shutil.disk_usage(planned.target.parent).free
    share = 1 if planned.compression == "none" else _COMPRESSED_SHARE
    needed = int(planned.source.allocated_bytes * share)
    if needed <= free:
        return None
    folder = printable(str(planned.target.parent))
    return f"{human_size(free)} are free in {folder}, and about {human_size(needed)} will be written"


def _refuse_source_itself(planned: ConversionPlan) -> None:
    source = planned.source.origin.path
    if source != STREAM and planned.target.exists() and planned.target.samefile(source):
        shown = printable(str(planned.target))
        raise UsageError(f"{shown}: is the source itself", hint="name another target")


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
    if planned.target == STREAM:
        done = _run_native(planned, _STDOUT, "pipe", progress)
        file_size = allocated = done.size_bytes
    elif planned.target.is_block_device():
        done = _onto_device(planned, progress)
        file_size = allocated = done.size_bytes
    else:
        done, written = _into_file(planned, progress)
        file_size, allocated = written.file_size_bytes, written.allocated_bytes
    return ConversionResult(
        plan=planned,
        file_size_bytes=file_size,
        allocated_bytes=allocated,
        seconds=time.monotonic() - started,
        virtual_size_bytes=done.size_bytes,
        data_bytes=done.data_bytes,
        cloned_bytes=done.cloned_bytes,
    )


def _into_file(planned: ConversionPlan, progress: Progress) -> tuple[native.Transferred, DiskImage]:
    beside = written_beside(planned.target, overwrite=planned.overwrite, durable=not planned.transient)
    with beside as temporary:
        if planned.engine == "qemu-img":
            done = _run_qemu_img(planned, temporary, progress)
        else:
            with opened_for_writing(temporary) as descriptor:
                done = _run_native(planned, descriptor, "file", progress)
        verify_unchanged(planned.source)
        return done, _verify(planned, temporary, done.size_bytes, progress)


def _onto_device(planned: ConversionPlan, progress: Progress) -> native.Transferred:
    """There is nothing to put in place: what fails leaves the device half written, and says so."""
    try:
        with opened_for_writing(planned.target, exclusive=True) as descriptor:
            done = _run_native(planned, descriptor, "device", progress)
        verify_unchanged(planned.source)
        admit(planned.target, "raw")
    except ImgtoolError as error:
        left = f"{error.message}; {printable(str(planned.target))} is left half written"
        raise type(error)(left, hint=error.hint) from error
    return done


def _run_native(
    planned: ConversionPlan, descriptor: int, kind: native.TargetKind, progress: Progress
) -> native.Transferred:
    with progress.meter("convert", native.estimated_bytes(planned.source)) as meter:
        return native.transfer(planned, descriptor, kind, meter)


def _run_qemu_img(planned: ConversionPlan, temporary: Path, progress: Progress) -> native.Transferred:
    source = planned.source
    if source.format == "qcow2":
        examine_clusters(source)
        check_compressed_clusters(source)
    with progress.meter("convert", source.virtual_size_bytes) as meter:
        try:
            qemu_img.convert(
                source.path,
                source.format,
                temporary,
                planned.target_format,
                compression=planned.compression,
                on_fraction=bytes_of(source.virtual_size_bytes, meter.advance),
            )
        except ToolFailedError as error:
            shown = printable(str(source.origin.path))
            raise ConversionError(f"{shown}: not converted: {error.message}", hint=error.hint) from error
    return native.Transferred(round_to_sector(source.virtual_size_bytes), None)


def _verify(planned: ConversionPlan, temporary: Path, size_bytes: int, progress: Progress) -> DiskImage:
    """The gate's word on our own output: a guest can write a qcow2 header into its own raw disk."""
    written = _admit_written(planned, temporary)
    if written.virtual_size_bytes != size_bytes:
        sizes = f"{written.virtual_size_bytes} bytes instead of {size_bytes}"
        raise VerificationError(f"the converted disk has {sizes}")
    if planned.target_format == "qcow2" and planned.options.verify != "none":
        _check(temporary)
    if planned.options.verify == "full":
        _compare(planned, temporary, size_bytes, progress)
    return written


def _admit_written(planned: ConversionPlan, temporary: Path) -> DiskImage:
    """A refusal names the target, and not the file beside it that goes again."""
    try:
        return admit(temporary, planned.target_format)
    except ImgtoolError as error:
        target = printable(str(planned.target))
        if not temporary.exists():
            raise ConversionError(f"{target}: not converted: its folder was removed, or renamed") from error
        message = error.message.replace(printable(str(temporary)), f"{target}: what was written", 1)
        raise type(error)(message, hint=error.hint) from error


def _check(temporary: Path) -> None:
    result = qemu_img.check(temporary, "qcow2")
    if not result.clean:
        found = f"{result.corruptions} corruptions, {result.leaks} leaks, {result.errors} errors"
        raise VerificationError(f"the converted image fails `qemu-img check`: {found}")


def _compare(planned: ConversionPlan, temporary: Path, size_bytes: int, progress: Progress) -> None:
    source = planned.source
    with progress.meter("compare", size_bytes) as meter:
        on_fraction = bytes_of(size_bytes, meter.advance)
        result = qemu_img.compare(
            source.path, source.format, temporary, planned.target_format, on_fraction=on_fraction
        )
    if not result.same:
        raise VerificationError(f"the converted disk differs from the source: {result.message}")
    verify_unchanged(source)
