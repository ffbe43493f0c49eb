"""A source as the command line names it, as a file: as it is, compared with its hash, or fetched."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from imgtool.cli import console
from imgtool.cli.options import Source
from imgtool.disk.open_source import STREAM
from imgtool.errors import UsageError
from imgtool.fetch.urls import Url
from imgtool.model.source import FoundFile
from imgtool.util.progress import Progress
from imgtool.util.text import printable

if TYPE_CHECKING:
    from imgtool.glance import WebContent
    from imgtool.model.delivery import Method


@contextmanager
def found(
    source: Source,
    hashes: Mapping[str, str] | None,
    progress: Progress,
    *,
    source_format: str | None,
    disk: str | None = None,
) -> Iterator[FoundFile]:
    """The file, for as long as the block lasts. What is fetched is gone then, and shown by its URL.

    `hashes` None is for what is only looked at. Raises FetchError, and VerificationError where it is another
    file than the one that is meant.
    """
    if isinstance(source, Url):
        with _fetched(source, hashes, progress) as path:
            yield FoundFile(path)
    elif not hashes:
        yield FoundFile(source)
    else:
        from imgtool.pipeline import source_file  # noqa: PLC0415 - loaded only where it is needed

        with source_file.local(source, hashes, progress, source_format=source_format, disk=disk) as local:
            yield FoundFile(local.path, local.image)


def finder(
    source: Source, hashes: Mapping[str, str], source_format: str | None, disk: str | None = None
) -> Callable[[Progress], AbstractContextManager[FoundFile]] | None:
    """What finds the file later; None where there is nothing to fetch or to compare."""
    if isinstance(source, Path) and not hashes:
        return None
    return lambda progress: found(source, hashes, progress, source_format=source_format, disk=disk)


def named(source: Source) -> Path:
    """The path that stands for the source until it is found."""
    return Path(source.file_name or "image") if isinstance(source, Url) else source


def refuse_for_method(sources: Sequence[Source], method: "Method | None") -> None:
    """Refuse files that Glance is to fetch by itself. Raises UsageError."""
    files = [source for source in sources if isinstance(source, Path)]
    if method == "web-download" and files:
        raise UsageError(
            f"{printable(str(files[0]))}: --method web-download takes URLs, which Glance fetches by itself",
            hint="leave --method out: the file is sent",
        )


def refuse_unread(method: "Method | None") -> None:
    """Refuse to check and convert what Glance fetches by itself. Raises UsageError."""
    if method == "web-download":
        raise UsageError(
            "--method web-download: what Glance fetches by itself is neither checked nor converted",
            hint="use imgtool upload, or leave --method out: then imgtool fetches the image",
        )


def from_web(source: Source, hashes: Mapping[str, str], method: "Method | None") -> "WebContent | None":
    """What Glance fetches by itself; None where the bytes go from here. It is shown by its URL."""
    if method != "web-download" or not isinstance(source, Url):
        return None
    from imgtool.glance import WebContent  # noqa: PLC0415 - loaded only where it is needed

    console.call(Path(source.shown), source.shown)  # a path has no // in it
    return WebContent(source.text, hashes)


def url_of(source: Source) -> str | None:
    """Where it is fetched from, as it may be shown; None for a file."""
    return source.shown if isinstance(source, Url) else None


def refuse_early(source: Source, target: Path, *, overwrite: bool) -> None:
    """Refuse a target that cannot be written before anything is fetched for it. Raises UsageError."""
    if isinstance(source, Url) and target != STREAM and not target.is_block_device():
        from imgtool.util.output import check_target  # noqa: PLC0415 - loaded only where it is needed

        check_target(target.absolute(), overwrite=overwrite)


@contextmanager
def _fetched(url: Url, hashes: Mapping[str, str] | None, progress: Progress) -> Iterator[Path]:
    from imgtool.disk.temporary import temporary_folder  # noqa: PLC0415 - loaded only where it is needed
    from imgtool.fetch import download  # noqa: PLC0415 - the same

    with temporary_folder(Path(url.file_name or "image")) as folder:
        file = download.target(url.text, folder)
        console.call(file, url.shown)
        yield download.fetch(url.text, hashes, folder, progress).path
