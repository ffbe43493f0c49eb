"""The source of an image as a file: the operator's own, or one that is fetched; and its hashes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from imgtool.convert.digest import background_digest
from imgtool.fetch.checksums import Hashes
from imgtool.fetch.download import compare, fetch
from imgtool.formats.gate import admit
from imgtool.model.image import DiskImage, FileIdentity
from imgtool.model.source import SHA256
from imgtool.util.progress import Progress
from imgtool.util.text import printable

_OTHER_FILE = "another file is meant, or this one was changed"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """The file to read."""

    path: Path
    hash_by: Callable[[str], str | None]
    """By this algorithm, in hex; waits until it is computed. None where nobody computed it."""
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
    known: dict[str, str] = {SHA256: found.sha256}
    return SourceFile(found.path, known.get, found.path.stat().st_size, None)


@contextmanager
def local(  # noqa: PLR0913 - each says one thing about the file
    path: Path,
    hashes: Hashes,
    progress: Progress,
    *,
    source_format: str | None,
    disk: str | None,
    noted: Callable[[DiskImage], Sequence[str]] = lambda _image: (),
) -> Iterator[SourceFile]:
    """The operator's file, compared with `hashes`; hashed beside the block by the algorithms in `noted`, too.

    Raises VerificationError where it is not the file that is meant, and what the gate raises.
    """
    image = admit(path, source_format, disk=disk)
    wanted = tuple(dict.fromkeys((*hashes, *noted(image))))
    with background_digest(image, wanted, whatever_size=bool(hashes)) if wanted else nullcontext() as digest:
        if digest is not None and hashes:
            progress.stage("hash", str(path))
            found = {algorithm: digest.value(algorithm) for algorithm in hashes}
            compare(printable(str(path)), found, hashes, hint=_OTHER_FILE)

        def hash_by(algorithm: str) -> str | None:
            return digest.value(algorithm) if digest and algorithm in digest.algorithms else None

        yield SourceFile(path, hash_by, image.origin.file_size_bytes, image.identity.lasting, image)
