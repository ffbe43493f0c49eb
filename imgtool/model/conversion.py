"""What a conversion will do, and what it did."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from imgtool.model.free_blocks import FreeBlocks
from imgtool.model.image import DiskImage

Compression = Literal["none", "zlib", "zstd"]
Engine = Literal["native", "qemu-img"]
Preallocation = Literal["off", "falloc", "full"]
Verification = Literal["none", "check", "full"]


@dataclass(frozen=True, slots=True)
class ConversionOptions:
    """How to convert: what has a good default."""

    engine: Literal["auto", "native", "qemu-img"] = "auto"
    level: int | None = None
    """Of the compression; None is its fastest."""
    cluster_size_bytes: int = 64 << 10
    """Of a qcow2 target."""
    threads: int | None = None
    """None is one for each core and one more."""
    preallocation: Preallocation = "off"
    """Of a raw target: holes, space reserved for all of it, or all of it written."""
    use_extents: bool = True
    """Trust the file system about holes in a raw source."""
    sparsify: bool = False
    """Leave out what is free by the guest's file systems; see model/free_blocks.py."""
    verify: Verification = "check"
    """none: the gate only. check: `qemu-img check` too, for qcow2. full: also compare all bytes."""


@dataclass(frozen=True, slots=True)
class ConversionPlan:
    """What a conversion will do; a value that can be printed."""

    source: DiskImage
    target: Path
    target_format: Literal["raw", "qcow2"]
    compression: Compression
    engine: Engine
    engine_reason: str
    overwrite: bool = False
    trusted: bool = False
    """The source is converted whatever `qemu-img check` says of it: it was asked before, or need not be."""
    transient: bool = False
    """The target goes again at the end of the run: it need not outlive a loss of power."""
    options: ConversionOptions = ConversionOptions()
    free_blocks: FreeBlocks | None = None
    """What is left out; None where nothing is to be, or before anybody has looked."""


@dataclass(frozen=True, slots=True)
class ConversionResult:
    """What a conversion did."""

    plan: ConversionPlan
    file_size_bytes: int
    allocated_bytes: int
    seconds: float
    virtual_size_bytes: int = 0
    data_bytes: int | None = None
    """Of the disk that were not zero and were copied; None where the engine does not tell."""
    cloned_bytes: int = 0
    """Of the disk that the target shares with the source by reflink; neither read nor written."""
    image: DiskImage | None = field(default=None, repr=False, compare=False)
    """What was written, past the gate and still open; None of a pipe and a device."""
