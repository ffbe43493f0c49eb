"""What is on the disk and in the guest."""

from dataclasses import dataclass
from typing import Literal

from imgtool.model.facts import NOT_READ, Fact
from imgtool.model.layout import FilesystemFacts, Firmware, PartitionFacts
from imgtool.model.linux import LinuxFacts
from imgtool.model.windows import WindowsFacts


@dataclass(frozen=True, slots=True)
class GuestFacts:
    """What is on the disk. `linux` is None where no Linux system was found, and `reason` says why."""

    status: Literal["known", "unknown"]
    reason: str
    filesystems: tuple[FilesystemFacts, ...] = ()
    firmware: Fact[Firmware] = NOT_READ
    linux: LinuxFacts | None = None
    windows: WindowsFacts | None = None
    partition_table: Literal["gpt", "mbr", "none"] | None = None
    """None where it could not be read."""
    partitions: tuple[PartitionFacts, ...] = ()
