"""What of a disk is free, and so need not be copied."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FreePart:
    """One file system, or what no partition or logical volume holds, and how much of it is left out."""

    device: str
    """`partition 1`, `group/name`, or `disk`."""
    type: str
    """By blkid's name; `unpartitioned` is what no partition holds, `unknown` what nobody knows."""
    size_bytes: int
    """Of the volume."""
    free_bytes: int
    """Of it that are left out: the target has zeros there."""
    reason: str | None = None
    """Why nothing is left out; None where its free blocks are."""


@dataclass(frozen=True, slots=True)
class FreeBlocks:
    """All that is free on a disk."""

    parts: tuple[FreePart, ...]
    runs: tuple[str, ...] = field(default=(), repr=False)
    """Where on the disk: util/ranges.py reads it."""

    @property
    def free_bytes(self) -> int:
        """How many bytes of the disk are left out."""
        return sum(part.free_bytes for part in self.parts)
