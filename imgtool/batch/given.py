"""The source of a task as a file: the operator's own, or one that was fetched; and its SHA-256."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from imgtool.batch import sources
from imgtool.batch.fetch import fetch
from imgtool.disk.digest import sha256_beside
from imgtool.errors import VerificationError
from imgtool.formats.gate import admit
from imgtool.model.batch import Task
from imgtool.model.image import DiskImage, FileIdentity
from imgtool.progress import Progress
from imgtool.text import printable

MOSTLY_HOLES = 4
"""Times more than is allocated that a file is large. Its hash would take far longer than its conversion."""
QUICKLY_HASHED_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Given:
    """The file to read."""

    path: Path
    sha256: Callable[[], str | None]
    """In hex; waits until it is computed. None where nobody computed it."""
    size_bytes: int
    identity: FileIdentity | None
    """None of what was fetched: it is gone when this is read."""


@contextmanager
def source(task: Task, folder: Path, progress: Progress) -> Iterator[Given]:
    """The source, for as long as the block lasts; what is fetched is put into `folder`.

    Raises FetchError, VerificationError where it is not the file that is meant, and what the gate raises.
    """
    if sources.is_url(task.source):
        yield _fetched(task, folder, progress)
        return
    path = Path(task.source)
    image = admit(path, task.source_format)
    with sha256_beside(image) if _worth_hashing(task, image) else _nobody() as digest:
        if digest is not None and task.sha256 is not None:
            progress.stage("hash", str(path))
            _compare(path, digest.value(), task.sha256)
        value = (lambda: None) if digest is None else digest.value
        yield Given(path, value, image.file_size_bytes, image.identity)


def _fetched(task: Task, folder: Path, progress: Progress) -> Given:
    sha256 = task.sha256 or ""
    path = fetch(task.source, sha256, folder, progress)
    return Given(path, lambda: sha256, path.stat().st_size, None)


def _worth_hashing(task: Task, image: DiskImage) -> bool:
    """An upload computes it anyway, for the image's provenance."""
    if task.sha256 is not None:
        return True
    if task.clouds and task.derive:
        return False
    size = image.file_size_bytes
    return size <= max(QUICKLY_HASHED_BYTES, MOSTLY_HOLES * image.allocated_bytes)


@contextmanager
def _nobody() -> Iterator[None]:
    yield None


def _compare(path: Path, found: str, wanted: str) -> None:
    if found != wanted:
        raise VerificationError(
            f"{printable(str(path))}: its SHA-256 is {found}, and not {wanted}",
            hint="the manifest means another file, or this one was changed",
        )
