"""A source as the command line names it, as a file: as it is, compared with its hash, or fetched."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from imgtool.cli import console
from imgtool.cli.options import Source
from imgtool.disk.open_source import STREAM
from imgtool.fetch.urls import Url
from imgtool.model.source import FoundFile
from imgtool.util.output import check_target
from imgtool.util.progress import Progress


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


def refuse_early(source: Source, target: Path, *, overwrite: bool) -> None:
    """Refuse a target that cannot be written before anything is fetched for it. Raises UsageError."""
    if isinstance(source, Url) and target != STREAM and not target.is_block_device():
        check_target(target.absolute(), overwrite=overwrite)


@contextmanager
def _fetched(url: Url, hashes: Mapping[str, str] | None, progress: Progress) -> Iterator[Path]:
    from imgtool.disk.temporary import temporary_folder  # noqa: PLC0415 - loaded only where it is needed
    from imgtool.fetch import download  # noqa: PLC0415 - the same

    with temporary_folder(Path(url.file_name or "image")) as folder:
        file = download.target(url.text, folder)
        console.call(file, url.shown)
        yield download.fetch(url.text, hashes, folder, progress).path
