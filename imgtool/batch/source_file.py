"""The source of a task as a file: the operator's own, or one that was fetched; and its SHA-256."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from imgtool.batch import sources
from imgtool.batch.download import compare, fetch
from imgtool.convert.digest import SHA256, SHA512, Digest, background_sha256
from imgtool.formats.gate import admit
from imgtool.model.batch import Task
from imgtool.model.image import DiskImage, FileIdentity
from imgtool.util.progress import Progress
from imgtool.util.text import printable

MOSTLY_HOLES = 4
"""Times more than is allocated that a file is large. Its hash would take far longer than its conversion."""
QUICKLY_HASHED_BYTES = 1 << 30
_OTHER_FILE = "the manifest means another file, or this one was changed"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """The file to read."""

    path: Path
    sha256: Callable[[], str | None]
    """In hex; waits until it is computed. None where nobody computed it."""
    size_bytes: int
    identity: FileIdentity | None
    """None of what was fetched: it is gone when this is read."""
    image: DiskImage | None = None
    """The operator's own file, open since it was looked at; None of what was fetched."""


@contextmanager
def source(task: Task, folder: Path, progress: Progress) -> Iterator[SourceFile]:
    """The source, for as long as the block lasts; what is fetched is put into `folder`.

    Raises FetchError, VerificationError where it is not the file that is meant, and what the gate raises.
    """
    if sources.is_url(task.source):
        yield _fetched(task, folder, progress)
        return
    path = Path(task.source)
    image = admit(path, task.source_format, disk=task.disk)
    with _digest(task, image) as digest:
        if digest is not None and (wanted := hashes_of(task)):
            progress.stage("hash", str(path))
            shown = printable(str(path))
            for algorithm, value in wanted.items():
                compare(shown, algorithm, digest.value(algorithm), value, hint=_OTHER_FILE)
        found = (lambda: None) if digest is None else digest.value
        yield SourceFile(path, found, image.origin.file_size_bytes, image.identity.lasting, image)


def hashes_of(task: Task) -> dict[str, str]:
    """What the source must have, by hashlib's name of the algorithm."""
    wanted = {SHA256: task.sha256, SHA512: task.sha512}
    return {name: value for name, value in wanted.items() if value is not None}


def _digest(task: Task, image: DiskImage) -> AbstractContextManager[Digest | None]:
    wanted = hashes_of(task)
    if not wanted and not _worth_hashing(task, image):
        return nullcontext()
    return background_sha256(
        image, also=[name for name in wanted if name != SHA256], whatever_size=bool(wanted)
    )


def _fetched(task: Task, folder: Path, progress: Progress) -> SourceFile:
    found = fetch(task.source, hashes_of(task), folder, progress)
    return SourceFile(found.path, lambda: found.sha256, found.path.stat().st_size, None)


def _worth_hashing(task: Task, image: DiskImage) -> bool:
    """An upload computes it anyway, for the image's provenance."""
    if task.clouds and task.derive:
        return False
    size = image.identity.size_bytes
    return size <= max(QUICKLY_HASHED_BYTES, MOSTLY_HOLES * image.origin.allocated_bytes)
