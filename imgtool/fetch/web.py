"""A URL opened by http(s), by nothing else, and what it means that it could not be."""

import errno
import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from imgtool import __version__
from imgtool.errors import FetchError
from imgtool.fetch.urls import SCHEMES, without_query
from imgtool.util.text import printable

ANSWER_SECONDS = 60.0
"""How long the server may send nothing."""

WEB_ERRORS = (urllib.error.URLError, http.client.HTTPException, OSError)
"""What opening and reading raise."""


class _SameKindOnly(urllib.request.HTTPRedirectHandler):
    """A server may send us on, but to nothing but http(s), and from https to nothing weaker."""

    def redirect_request(self, req: Any, *answer: Any) -> Any:
        """The next request. Raises FetchError."""
        newurl = str(answer[-1])
        scheme = urlsplit(newurl).scheme.lower()
        if scheme not in SCHEMES or (req.type == "https" and scheme != "https"):
            raise FetchError(
                f"{without_query(req.full_url)}: the server redirects to {printable(scheme) or 'nowhere'}",
                hint="name the URL where the image really is",
            )
        return super().redirect_request(req, *answer)


def opened(url: str, headers: Mapping[str, str] = MappingProxyType({})) -> Any:
    """Open the URL with handlers for http and https only: urllib's default opener would open files, too.

    Raises WEB_ERRORS, FetchError.
    """
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        _SameKindOnly(),
    ):
        opener.add_handler(handler)
    always = {"User-Agent": f"imgtool/{__version__}", "Accept-Encoding": "identity"}
    request = urllib.request.Request(url, headers={**always, **headers})  # noqa: S310 - the opener has no other handlers
    return opener.open(request, timeout=ANSWER_SECONDS)


@contextmanager
def as_fetch_errors(shown: str) -> Iterator[None]:
    """Raise as FetchError what keeps the URL that is `shown` to people from being opened or read."""
    try:
        yield
    except WEB_ERRORS as error:
        raise failure(shown, error) from error


def failure(shown: str, error: Exception) -> FetchError:
    """The error for a URL that could not be opened or read."""
    if isinstance(error, urllib.error.HTTPError):
        reason = printable(str(error.reason))
        return FetchError(f"{shown}: the server answers {error.code} {reason}", hint="check the URL")
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return FetchError(f"{shown}: the disk is full", hint=MORE_ROOM)
    words = printable(reason_of(error))
    return FetchError(
        f"{shown}: could not be fetched: {words}", hint="check the URL, the network and the proxy"
    )


MORE_ROOM = "set TMPDIR (of a batch: --journal) to a folder on a larger disk"


def reason_of(error: Exception) -> str:
    """Why, in the system's words."""
    cause = getattr(error, "reason", error)
    return str(getattr(cause, "strerror", None) or cause or type(error).__name__)
