"""The options that say which file a source has to be: by its hash, or by its publisher's list of hashes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from imgtool.cli.options import Source, with_options
from imgtool.disk.open_source import STREAM
from imgtool.errors import UsageError
from imgtool.fetch.urls import Url
from imgtool.util.text import printable

if TYPE_CHECKING:
    from imgtool.fetch.checksums import ChecksumList

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Checksums:
    """What the operator says of the hashes of the sources."""

    given: Mapping[str, str] = field(default_factory=dict)
    """By --checksum: of an only source."""
    named: str | None = None
    """The list of --checksum-file: a path or a URL."""

    def of_each(self, sources: Sequence[Source]) -> list[dict[str, str]]:
        """What each source must have, empty where nothing is said; the list is read once.

        Raises UsageError where that is not clear, or nothing is said of a URL; FetchError.
        """
        if self.given and len(sources) > 1:
            raise UsageError(
                f"--checksum is the hash of one file, and {len(sources)} are named",
                hint="--checksum-file takes a list such as SHA256SUMS",
            )
        listed = self._listed() if self.named is not None else None
        return [self._of(source, listed) for source in sources]

    def of(self, source: Source) -> dict[str, str]:
        """What the only source must have."""
        return self.of_each([source])[0]

    def _listed(self) -> "ChecksumList":
        from imgtool.fetch.checksums import read_list  # noqa: PLC0415 - loaded only where it is needed

        return read_list(str(self.named), Path.cwd())

    def _of(self, source: Source, listed: "ChecksumList | None") -> dict[str, str]:
        name = source.file_name if isinstance(source, Url) else source.name
        if source == STREAM and (self.given or listed):
            raise UsageError("what comes from stdin is not compared with a hash", hint="name a file or a URL")
        found = dict(self.given)
        if listed is not None:
            from imgtool.fetch.checksums import merged  # noqa: PLC0415 - the same

            found = merged(printable(str(source)), found, listed.hashes_of(name))
        if isinstance(source, Url) and not found:
            raise UsageError(
                f"{source}: what comes from a URL has to be compared with a hash",
                hint="--checksum sha256:HEX, or --checksum-file with the list beside it, such as SHA256SUMS",
            )
        return found


def _given(_context: click.Context, _option: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    if not values:
        return {}
    from imgtool.fetch.checksums import merged, parse_one  # noqa: PLC0415 - loaded only where it is needed

    return merged("--checksum", *(dict([parse_one(value)]) for value in values))


_OPTIONS = (
    click.option(
        "--checksum",
        multiple=True,
        metavar="ALGORITHM:HEX",
        callback=_given,
        help="Hash that the source must have: sha256:HEX or sha512:HEX, of the file as it is, compressed"
        " or not.",
    ),
    click.option(
        "--checksum-file",
        metavar="PATH_OR_URL",
        help="List with the hash of each source, by its file's name: SHA256SUMS, SHA512SUMS, CHECKSUM,"
        " NAME.sha256.",
    ),
)


def options(function: Decorated) -> Decorated:
    """Gives the command `checksums`, gathered from its options."""

    @wraps(function)
    def gathered(*, checksum: Mapping[str, str], checksum_file: str | None, **others: Any) -> Any:
        return function(checksums=Checksums(checksum, checksum_file), **others)

    return with_options(cast("Decorated", gathered), _OPTIONS)
