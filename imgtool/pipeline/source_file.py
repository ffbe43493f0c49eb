"""The source of an image as a file: the operator's own, or one that is fetched; and its SHA-256."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from imgtool.convert.digest import SHA256, Digest, background_sha256
from imgtool.fetch.checksums import Hashes
from imgtool.fetch.download import compare, fetch
from imgtool.formats.gate import admit
from imgtool.model.image import DiskImage, FileIdentity
from imgtool.util.progress import Progress
from imgtool.util.text import printable

_OTHER_FILE = "another file is meant, or this one was changed"


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


def fetched(url: str, hashes: Hashes | None, folder: Path, progress: Progress) -> SourceFile:
    """What is at the URL, in `folder`. Raises FetchError, and VerificationError where it is another file.

    `hashes` None is for what is only looked at.
    """
    found = fetch(url, hashes, folder, progress)
    return SourceFile(found.path, lambda: found.sha256, found.path.stat().st_size, None)


@contextmanager
def local(  # noqa: PLR0913 - each says one thing about the file
    path: Path,
    hashes: Hashes,
    progress: Progress,
    *,
    source_format: str | None,
    disk: str | None,
    worth_hashing: Callable[[DiskImage], bool] = lambda _image: False,
) -> Iterator[SourceFile]:
    """The operator's file, compared with `hashes`; hashed beside the block where it is worth that.

    Raises VerificationError where it is not the file that is meant, and what the gate raises.
    """
    image = admit(path, source_format, disk=disk)
    hash_it = bool(hashes) or worth_hashing(image)
    with _digest(image, hashes) if hash_it else nullcontext() as digest:
        if digest is not None and hashes:
            progress.stage("hash", str(path))
            found = {algorithm: digest.value(algorithm) for algorithm in hashes}
            compare(printable(str(path)), found, hashes, hint=_OTHER_FILE)
        sha256 = (lambda: None) if digest is None else digest.value
        yield SourceFile(path, sha256, image.origin.file_size_bytes, image.identity.lasting, image)


def _digest(image: DiskImage, hashes: Hashes) -> AbstractContextManager[Digest | None]:
    return background_sha256(
        image, also=[name for name in hashes if name != SHA256], whatever_size=bool(hashes)
    )
