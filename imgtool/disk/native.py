"""The native engine: from an image that has passed the gate to a new raw or qcow2 file."""

import os
from dataclasses import dataclass
from pathlib import Path

from imgtool.disk.base import PIECE_BYTES, Source
from imgtool.disk.deflate import DEFAULT_LEVEL, LEVELS
from imgtool.disk.engine import copy, default_threads
from imgtool.disk.sinks.flat import FileSink
from imgtool.disk.sinks.qcow2 import Qcow2Sink
from imgtool.disk.sinks.qcow2_compressed import CompressedQcow2Sink
from imgtool.disk.sources.file import FileSource
from imgtool.disk.sources.qcow2 import Qcow2Source
from imgtool.errors import UsageError
from imgtool.formats import open_admitted
from imgtool.formats.qcow2_header import MAX_CLUSTER_BITS, MIN_CLUSTER_BITS
from imgtool.formats.source import Source as OpenFile
from imgtool.formats.source import naming
from imgtool.model import ConversionPlan, DiskImage
from imgtool.progress import Meter


@dataclass(frozen=True, slots=True)
class Transferred:
    """What the native engine did."""

    size_bytes: int
    """Of the disk."""
    data_bytes: int | None
    """Of it that was not zero; None where nobody counted."""
    cloned_bytes: int = 0


def transfer(plan: ConversionPlan, target: Path, meter: Meter) -> Transferred:
    """Carry out `plan` into the empty file `target`. Raises ImageUnreadableError, ConversionError."""
    with open_admitted(plan.source) as file, naming(plan.source.origin.path):
        source = _source(plan, file)
        descriptor = os.open(target, os.O_RDWR | os.O_CLOEXEC)
        try:
            copied = _copy(plan, source, descriptor, meter)
        finally:
            os.close(descriptor)
    return Transferred(source.size_bytes, copied)


def check_level(compression: str, level: int) -> None:
    """Raise UsageError unless `compression` has this level."""
    levels = LEVELS.get(compression)
    if levels is None:
        raise UsageError("a level without compression makes no sense", hint="add -c, or leave --level out")
    if level not in levels:
        raise UsageError(f"{compression} has no level {level}", hint=f"{levels[0]} to {levels[-1]} are there")


def check_cluster_size(size_bytes: int) -> None:
    """Raise UsageError unless a qcow2 can have such clusters."""
    possible = (
        size_bytes.bit_count() == 1 and MIN_CLUSTER_BITS <= size_bytes.bit_length() - 1 <= MAX_CLUSTER_BITS
    )
    if not possible:
        raise UsageError(
            f"a qcow2 cannot have clusters of {size_bytes} bytes", hint="512 to 2M, a power of two"
        )


def _source(plan: ConversionPlan, file: OpenFile) -> Source:
    if plan.source.format == "qcow2":
        return Qcow2Source(file)
    return FileSource(file, use_extents=plan.options.use_extents)


def _copy(plan: ConversionPlan, source: Source, descriptor: int, meter: Meter) -> int:
    threads = plan.options.threads or default_threads()
    piece_bytes = _piece_bytes(plan)
    cluster_size = plan.options.cluster_size_bytes
    sink: FileSink | Qcow2Sink | CompressedQcow2Sink
    if plan.target_format == "raw":
        sink = FileSink(descriptor)
        return copy(source, sink, piece_bytes=piece_bytes, threads=threads, meter=meter)
    if plan.compression == "none":
        sink = Qcow2Sink(descriptor, cluster_size)
        return copy(source, sink, piece_bytes=piece_bytes, threads=threads, meter=meter)
    level = plan.options.level or DEFAULT_LEVEL[plan.compression]
    sink = CompressedQcow2Sink(descriptor, cluster_size, plan.compression, level)
    return copy(source, sink, piece_bytes=piece_bytes, threads=threads, meter=meter)


def _piece_bytes(plan: ConversionPlan) -> int:
    """A whole number of clusters of the source and of the target: both are powers of two."""
    source_cluster = plan.source.cluster_size_bytes or 0
    return max(PIECE_BYTES, source_cluster, plan.options.cluster_size_bytes)


def estimated_bytes(image: DiskImage) -> int:
    """Of data to copy, as far as can be told beforehand."""
    return min(image.virtual_size_bytes, image.allocated_bytes)
