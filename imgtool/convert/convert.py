"""Converts one image: plan (pure), execute, verify.

Execution writes beside the target, lets the gate and `qemu-img check` look at what was written, syncs and
renames. On any failure nothing stands at the target's name that was not there before.
"""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from imgtool.convert import native
from imgtool.disk.open_source import STREAM
from imgtool.errors import ImgtoolError, UsageError, VerificationError
from imgtool.formats.gate import admit_written, settled, verify_unchanged
from imgtool.formats.layout import MAPPED_FORMATS
from imgtool.model.conversion import Compression, ConversionOptions, ConversionPlan, ConversionResult, Engine
from imgtool.model.image import DiskImage
from imgtool.util import log
from imgtool.util.output import check_device, check_target, opened_for_writing, written_beside
from imgtool.util.progress import Progress
from imgtool.util.text import human_size, printable

TargetFormat = Literal["raw", "qcow2"]

NATIVE_SOURCES = frozenset({"raw", "qcow2"}) | MAPPED_FORMATS
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
    trusted: bool = False,
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
    if options.sparsify:
        _refuse_sparsified(source, options)
    return ConversionPlan(
        source=source,
        target=target,
        target_format=target_format,
        compression=compression,
        engine=engine,
        engine_reason=reason,
        overwrite=overwrite,
        trusted=trusted,
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


def _refuse_sparsified(source: DiskImage, options: ConversionOptions) -> None:
    if source.streamed or source.wrapper:
        raise UsageError(
            "a stream is read once, and --sparsify reads the file systems first", hint="convert a file"
        )
    if options.verify == "full":
        raise UsageError(
            "a disk without its free blocks differs from its source",
            hint="use `--verify check`, or leave --sparsify out",
        )


def sparsified(planned: ConversionPlan, progress: Progress) -> ConversionPlan:
    """The plan with what is left out, where that is wanted and nobody has looked yet."""
    if not planned.options.sparsify or planned.free_blocks is not None:
        return planned
    from imgtool.convert.free_blocks import read_free_blocks  # noqa: PLC0415 - loaded only where it is needed

    return replace(planned, free_blocks=read_free_blocks(planned.source, progress))


def _refuse_native_options(options: ConversionOptions) -> None:
    """qemu-img is left to its own choices: an option that would have no effect is better refused."""
    if options != ConversionOptions(engine=options.engine, verify=options.verify):
        raise UsageError(
            "--level, --cluster-size, --threads, --preallocation, --no-extents and --sparsify are the native "
            "engine's",
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
    """Refuse what cannot end well, before any byte is written.

    Raises UsageError, ToolMissingError; ImageUnreadableError where the source's tables contradict each other.
    """
    if planned.target != STREAM:
        _refuse_source_itself(planned)
        if planned.target.is_block_device():
            check_device(planned.target, planned.source.virtual_size_bytes, overwrite=planned.overwrite)
        else:
            check_target(planned.target, overwrite=planned.overwrite)
    _prepare_verification(planned)


def _prepare_verification(planned: ConversionPlan) -> None:
    """Refuse what qemu-img, which judges sources and what is written, finds corrupt, or is not there for.

    Of the formats that imgtool only reads, tables are all there is to check, and their reader does it.
    """
    source = planned.source
    judged = _is_judged(planned)
    has_tables = source.format == "qcow2" and source.wrapper is None and not source.streamed
    doubted = has_tables and not planned.trusted and planned.options.verify != "none"
    if not judged and not doubted:
        return
    from imgtool.convert import by_qemu_img  # noqa: PLC0415 - loaded only where it is needed

    if judged:
        by_qemu_img.demand()
    if doubted:
        by_qemu_img.refuse_corrupt(source)


def _is_judged(planned: ConversionPlan) -> bool:
    """Whether qemu-img will look at what was written: a raw disk has no tables that could be wrong."""
    verify = planned.options.verify
    return verify == "full" or (verify == "check" and planned.target_format == "qcow2")


def lack_of_room(planned: ConversionPlan) -> str | None:
    """What to say where the target's file system may be too small; None where it seems large enough.

    Only a guess: zeros are not written, shared blocks take no room, and nobody knows what compression leaves.
    """
    room = os.statvfs(planned.target.parent)
    free = room.f_bavail * room.f_frsize
    share = 1 if planned.compression == "none" else _COMPRESSED_SHARE
    needed = int(planned.source.allocated_bytes * share)
    if needed <= free:
        return None
    folder = printable(str(planned.target.parent))
    return f"{human_size(free)} are free in {folder}, and about {human_size(needed)} will be written"


def _refuse_source_itself(planned: ConversionPlan) -> None:
    if any(_same_file(planned.target, path) for path in planned.source.files if path != STREAM):
        shown = printable(str(planned.target))
        raise UsageError(f"{shown}: is the source itself", hint="name another target")


def _same_file(target: Path, source: Path) -> bool:
    try:
        return target.samefile(source)
    except OSError:  # one of them is not there
        return False


def execute(planned: ConversionPlan, progress: Progress) -> ConversionResult:
    """Convert and verify. Raises ConversionError, VerificationError; the target is complete or untouched."""
    preflight(planned)
    planned = sparsified(planned, progress)
    log.info(
        __name__,
        f"{planned.source.path} becomes {planned.target} by the engine {planned.engine}: "
        f"{planned.engine_reason}",
        engine=planned.engine,
        target_format=planned.target_format,
        compression=planned.compression,
    )
    started = time.monotonic()
    written: DiskImage | None = None
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
        image=written,
        plan=planned,
        file_size_bytes=file_size,
        allocated_bytes=allocated,
        seconds=time.monotonic() - started,
        virtual_size_bytes=done.size_bytes,
        data_bytes=done.data_bytes,
        cloned_bytes=done.cloned_bytes,
    )


def _into_file(planned: ConversionPlan, progress: Progress) -> tuple[native.Transferred, DiskImage]:
    beside = written_beside(
        planned.target,
        overwrite=planned.overwrite,
        durable=not planned.transient,
        made_of=_rights(planned.source.origin),
    )
    with beside as new:
        if planned.engine == "qemu-img":
            from imgtool.convert import by_qemu_img  # noqa: PLC0415 - loaded only where it is needed

            done = by_qemu_img.convert(planned, new.descriptor, progress)
        else:
            if _is_judged(planned):
                from imgtool.convert import by_qemu_img  # noqa: PLC0415 - as above

                by_qemu_img.prepare()
            done = _run_native(planned, new.descriptor, "file", progress)
        verify_unchanged(planned.source)
        written = _verify(planned, new.descriptor, done.size_bytes, progress)
    return done, settled(written)


def _rights(origin: DiskImage) -> list[os.stat_result]:
    """Who may read the file that the user named; what came by a pipe has no such file."""
    if origin.handle is None or origin.path == STREAM:
        return []
    return [os.fstat(origin.handle.descriptor)]


def _onto_device(planned: ConversionPlan, progress: Progress) -> native.Transferred:
    """There is nothing to put in place: what fails leaves the device half written, and says so."""
    try:
        with opened_for_writing(planned.target, exclusive=True) as descriptor:
            done = _run_native(planned, descriptor, "device", progress)
            verify_unchanged(planned.source)
            admit_written(descriptor, planned.target, "raw")
    except ImgtoolError as error:
        left = f"{error.message}; {printable(str(planned.target))} is left half written"
        raise type(error)(left, hint=error.hint) from error
    return done


def _run_native(
    planned: ConversionPlan, descriptor: int, kind: native.TargetKind, progress: Progress
) -> native.Transferred:
    with progress.meter("convert", native.estimated_bytes(planned.source, planned.free_blocks)) as meter:
        return native.transfer(planned, descriptor, kind, meter)


def _verify(planned: ConversionPlan, target: int, size_bytes: int, progress: Progress) -> DiskImage:
    """The gate's word on our own output: a guest can write a qcow2 header into its own raw disk."""
    label = f"{planned.target}: what was written"
    admit = partial(admit_written, target, planned.target, planned.target_format, label=label)
    written = _checked(planned, target, admit)
    if written.virtual_size_bytes != size_bytes:
        sizes = f"{written.virtual_size_bytes} bytes instead of {size_bytes}"
        raise VerificationError(f"the converted disk has {sizes}")
    if planned.options.verify == "full":
        from imgtool.convert import by_qemu_img  # noqa: PLC0415 - loaded only where it is needed

        by_qemu_img.compare(planned.source, written, progress)
    return written


def _checked(planned: ConversionPlan, target: int, admit: Callable[[], DiskImage]) -> DiskImage:
    """What the gate says, and nothing where `qemu-img check`, which looks meanwhile, says otherwise."""
    if not _is_judged(planned) or planned.target_format != "qcow2":
        return admit()
    from imgtool.convert import by_qemu_img  # noqa: PLC0415 - loaded only where it is needed

    return by_qemu_img.checked(target, planned.target, admit)
