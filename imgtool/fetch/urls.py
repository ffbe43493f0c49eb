"""URLs that name a source: of http or https, without a secret in them, and shown without their query."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit, urlunsplit

from imgtool.errors import UsageError
from imgtool.util.text import printable

SCHEMES = ("http", "https")
_PLAIN = re.compile(r"[!-~]+")
_NO_SECRETS = "it would be seen by others: use a URL that needs none, or download the file first"


@dataclass(frozen=True, slots=True)
class Url:
    """One that `check_url` has let through."""

    text: str

    @property
    def shown(self) -> str:
        """Return what messages call it."""
        return without_query(self.text)

    @property
    def file_name(self) -> str:
        """Return the last part of its path, which a list of hashes has; it may be empty."""
        return file_name(self.text)

    def __str__(self) -> str:
        return self.shown


def is_url(source: str) -> bool:
    """Whether it is no path."""
    return "://" in source


def check_url(url: str) -> Url:
    """Raises UsageError where it is none of http(s), or a password stands in it."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # not a number: ValueError
    except ValueError:
        raise _no_url(without_query(url)) from None
    if parts.scheme and parts.scheme not in SCHEMES:
        raise UsageError(
            f"{without_query(url)}: imgtool fetches by http and https, not by {printable(parts.scheme)}:",
            hint="download it with a program that can, and name the file",
        )
    if parts.scheme not in SCHEMES or not parts.hostname or not _PLAIN.fullmatch(url):
        raise _no_url(without_query(url))
    if parts.username is not None or parts.password is not None:
        raise UsageError(f"a URL on {parts.hostname} has a user or a password in it", hint=_NO_SECRETS)
    return Url(url)


def _no_url(shown: str) -> UsageError:
    return UsageError(
        f"{shown}: not a URL of http or https", hint="other bytes than ASCII are written as %XX in a URL"
    )


def without_query(url: str) -> str:
    """Return the URL without its query, for messages: a query often holds a key."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "a URL that cannot be parsed"
    return printable(urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")))


def file_name(url: str) -> str:
    """Return the last part of the URL's path."""
    return PurePosixPath(unquote(urlsplit(url).path)).name
