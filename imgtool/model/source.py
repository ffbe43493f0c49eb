"""A source, once it is a file that is the one that was meant."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from imgtool.model.image import DiskImage

SourceHash = Literal["sha256", "sha256-chunks", "none"]
"""By which hash the source of an image is known later; sha256-chunks: see convert/chunk_digest.py."""
SHA256: SourceHash = "sha256"
SHA256_CHUNKS: SourceHash = "sha256-chunks"


@dataclass(frozen=True, slots=True)
class FoundFile:
    """The file to read."""

    path: Path
    admitted: DiskImage | None = None
    """The image, where it was opened in order to be compared with a hash."""
