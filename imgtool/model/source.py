"""A source, once it is a file that is the one that was meant."""

from dataclasses import dataclass
from pathlib import Path

from imgtool.model.image import DiskImage


@dataclass(frozen=True, slots=True)
class FoundFile:
    """The file to read."""

    path: Path
    admitted: DiskImage | None = None
    """The image, where it was opened in order to be compared with a hash."""
