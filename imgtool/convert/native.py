"""The native engine: from an image that has passed the gate to a new raw or qcow2 file.

Of the sources and sinks only those are loaded that a conversion takes.
"""

from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Any, Literal

from imgtool.convert import reflink
from imgtool.convert.base import PIECE_BYTES, Sink, Source
from imgtool.convert.engine import Work, copy, default_threads
from imgtool.errors import UsageError
from imgtool.formats import open_admitted
from imgtool.formats.layout import MAPPED_FORMATS, read_layout
from imgtool.formats.qcow2 import MAX_CLUSTER_BITS, MIN_CLUSTER_BITS
from imgtool.formats.source import Source as OpenFile
from imgtool.formats.source import naming
from imgtool.model.conversion import ConversionPlan
from imgtool.model.free_blocks import FreeBlocks
from imgtool.model.image import DiskImage
from imgtool.util.progress import Meter
from imgtool.util.ranges import NOTHING, Ranges

if TYPE_CHECKING:
    from imgtool.convert.sinks.flat import FileSink
    from imgtool.convert.sinks.qcow2 import Qcow2Sink
    from imgtool.convert.sources.file import FileSource
    from imgtool.convert.sources.mapped import MappedSource
    from imgtool.convert.sources.qcow2 import Qcow2Source

SHORT_BYTES = 64 << 10
"""Free runs shorter than this are read with what is around them, in one read in place of two."""
TargetKind = Literal["file", "device", "pipe"]
AnySink = Sink[Any]


@dataclass(frozen=True, slots=True)
class Transferred:
    """What an engine did."""

    size_bytes: int
    """Of the disk."""
    data_bytes: int | None
    """Of it that was not zero; None where nobody counted."""
    cloned_bytes: int = 0


def check_level(compression: str, level: int) -> None:
    """Raise UsageError unless `compression` has this level."""
    from imgtool.convert.deflate import LEVELS  # noqa: PLC0415 - see above

    levels = LEVELS.get(compression)
    if levels is None:
        raise UsageError("a level without compression makes no sense", hint="add -c, or leave --level out")
    if level not in levels:
        raise UsageError(f"{compression} has no level {level}", hint=f"{levels[0]} to {levels[-1]} are there")


def check_cluster_size(size_bytes: int) -> None:
    """Raise UsageError unless a qcow2 can have such clusters."""
    bits = size_bytes.bit_length() - 1
    if size_bytes.bit_count() != 1 or not MIN_CLUSTER_BITS <= bits <= MAX_CLUSTER_BITS:
        raise UsageError(
            f"a qcow2 cannot have clusters of {size_bytes} bytes", hint="512 to 2M, a power of two"
        )


def transfer(plan: ConversionPlan, target: int, kind: TargetKind, meter: Meter) -> Transferred:
    """Carry out `plan` into the descriptor `target`: an empty file, a block device, or a pipe.

    Raises ImageUnreadableError, ConversionError.
    """
    with open_admitted(plan.source) as file, naming(plan.source.origin.path):
        if kind == "file" and _may_reflink(plan):
            done = _clone(plan, file, target, meter)
            if done is not None:
                return done
        return _copy(plan, file, _sink(plan, target, kind), meter)


def _may_reflink(plan: ConversionPlan) -> bool:
    image, options = plan.source, plan.options
    stands_there = (
        image.wrapper is None and not image.streamed and not image.start_bytes % reflink.BLOCK_BYTES
    )
    wanted_so = plan.compression == "none" and options.preallocation == "off" and options.use_extents
    if plan.free_blocks is not None and plan.free_blocks.free_bytes:
        return False  # whole blocks would be shared, with what is free in them
    return stands_there and wanted_so and options.cluster_size_bytes >= reflink.BLOCK_BYTES


def _clone(plan: ConversionPlan, file: OpenFile, target: int, meter: Meter) -> Transferred | None:
    source = _plain_source(plan.source, file, NOTHING)
    sink = _uncompressed_sink(plan, target)
    cloned = reflink.clone(source, file, sink, target, meter)
    if cloned is None:
        return None
    sink.finish(source.size_bytes)
    return Transferred(source.size_bytes, cloned.data_bytes, cloned.cloned_bytes)


def _copy(plan: ConversionPlan, file: OpenFile, sink: AnySink, meter: Meter) -> Transferred:
    stopped = Event()
    source = _source(plan, file, stopped)
    work = Work(
        piece_bytes=piece_bytes(plan.source, plan.options.cluster_size_bytes),
        threads=plan.options.threads or default_threads(),
    )
    copied = copy(source, sink, work, meter, stopped)
    return Transferred(source.size_bytes, copied)


def _source(plan: ConversionPlan, file: OpenFile, stopped: Event) -> Source:
    image = plan.source
    if image.streamed or image.wrapper:
        from imgtool.convert.sources.stream import open_stream  # noqa: PLC0415 - see above

        return open_stream(image, file, stopped)
    return source_of(image, file, use_extents=plan.options.use_extents, free_blocks=plan.free_blocks)


def source_of(
    image: DiskImage, file: OpenFile, *, use_extents: bool = True, free_blocks: FreeBlocks | None = None
) -> Source:
    """The disk inside `file`, the open file of `image`, which is no stream; with zeros in what is free."""
    if free_blocks is None:
        return _plain_source(image, file, NOTHING, use_extents=use_extents)
    from imgtool.convert.free_blocks import free_ranges  # noqa: PLC0415 - see above
    from imgtool.convert.sources.sparsified import SparsifiedSource  # noqa: PLC0415 - see above

    free = free_ranges(free_blocks, image)
    unread = free.at_least(SHORT_BYTES)
    return SparsifiedSource(_plain_source(image, file, unread, use_extents=use_extents), free)


def _plain_source(
    image: DiskImage, file: OpenFile, unread: Ranges, *, use_extents: bool = True
) -> "Qcow2Source | FileSource | MappedSource":
    """The source of the format of `image`, which need not read what is in `unread`."""
    if image.format == "qcow2":
        from imgtool.convert.sources.qcow2 import Qcow2Source  # noqa: PLC0415 - see above

        return Qcow2Source(file, free=unread)
    if image.format in MAPPED_FORMATS:
        from imgtool.convert.sources.mapped import MappedSource  # noqa: PLC0415 - see above

        return MappedSource(file, read_layout(image.format, file.read_at, file.size_bytes), free=unread)
    from imgtool.convert.sources.file import FileSource  # noqa: PLC0415 - see above

    return FileSource(file, use_extents=use_extents, free=unread)


def _sink(plan: ConversionPlan, target: int, kind: TargetKind) -> AnySink:
    if kind != "file":
        from imgtool.convert.sinks.flat import DeviceSink, PipeSink  # noqa: PLC0415 - see above

        return {"device": DeviceSink, "pipe": PipeSink}[kind](target)
    if plan.compression == "none":
        return _uncompressed_sink(plan, target)
    from imgtool.convert.deflate import DEFAULT_LEVEL  # noqa: PLC0415 - see above
    from imgtool.convert.sinks.qcow2_compressed import CompressedQcow2Sink  # noqa: PLC0415 - see above

    level = plan.options.level or DEFAULT_LEVEL[plan.compression]
    return CompressedQcow2Sink(target, plan.options.cluster_size_bytes, plan.compression, level)


def _uncompressed_sink(plan: ConversionPlan, target: int) -> "FileSink | Qcow2Sink":
    if plan.target_format == "qcow2":
        from imgtool.convert.sinks.qcow2 import Qcow2Sink  # noqa: PLC0415 - see above

        return Qcow2Sink(target, plan.options.cluster_size_bytes)
    from imgtool.convert.sinks.flat import FileSink, FilledSink, ReservedFileSink  # noqa: PLC0415 - see above

    return {"off": FileSink, "falloc": ReservedFileSink, "full": FilledSink}[plan.options.preallocation](
        target
    )


def piece_bytes(image: DiskImage, target_cluster_bytes: int = 0) -> int:
    """A whole number of clusters of the source and of the target: both are powers of two."""
    return max(PIECE_BYTES, image.cluster_size_bytes or 0, target_cluster_bytes)


def estimated_bytes(image: DiskImage, free_blocks: FreeBlocks | None = None) -> int | None:
    """Estimate the bytes of the source's file that will be read; None if unknown beforehand."""
    if image.streamed or image.wrapper:
        return None
    kept = min(image.file_size_bytes, image.allocated_bytes)
    return kept if free_blocks is None else min(kept, image.virtual_size_bytes - free_blocks.free_bytes)
