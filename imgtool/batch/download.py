"""Fetches an image from an http(s) URL into a file, and proves that it is the one that was meant.

The bytes are hashed on their way; without the right hash nothing of them stays.
"""

import errno
import hashlib
import http.client
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

from imgtool import __version__
from imgtool.convert.digest import SHA256
from imgtool.errors import FetchError, VerificationError
from imgtool.util.progress import Progress
from imgtool.util.text import human_size, printable

MAX_BYTES = 1 << 40
"""Of one image, whatever the server says."""
SPARE_BYTES = 1 << 30
"""Of the disk, which is left to others."""
ANSWER_SECONDS = 60.0
"""How long the server may send nothing."""

_CHUNK_BYTES = 1 << 20
_ALLOWED = ("http", "https")
_OTHER_FILE = "compare with what the publisher says; the file there may be another one by now"


class Fetched(NamedTuple):
    """A file, and what was computed on its way."""

    path: Path
    sha256: str


def fetch(url: str, hashes: Mapping[str, str], folder: Path, progress: Progress) -> Fetched:
    """The file in `folder`. Raises FetchError, VerificationError; then no file is left.

    `hashes` are those that it must have, by hashlib's names: one at least.
    """
    if not hashes:
        raise ValueError("nothing to compare it with")
    shown = without_query(url)
    fetched = target(url, folder)
    progress.stage("fetch", shown)
    try:
        with _opened(url) as answer, fetched.open("xb") as file:
            found = _receive(answer, file, shown, {SHA256, *hashes}, progress)
            os.fsync(file.fileno())
        for algorithm, wanted in hashes.items():
            compare(shown, algorithm, found[algorithm], wanted, hint=_OTHER_FILE)
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        fetched.unlink(missing_ok=True)
        raise _failure(shown, error) from error
    except BaseException:
        fetched.unlink(missing_ok=True)
        raise
    return Fetched(fetched, found[SHA256])


def compare(shown: str, algorithm: str, found: str, wanted: str, *, hint: str) -> None:
    """Raise VerificationError where the hash of what is `shown` to people is not the one that is `wanted`."""
    if found != wanted:
        name = algorithm.upper().replace("SHA", "SHA-")
        raise VerificationError(f"{shown}: its {name} is {found}, and not {wanted}", hint=hint)


def target(url: str, folder: Path) -> Path:
    """The file that `fetch` makes. Its ending is a claim of the format, which the gate looks at."""
    return folder / _fetched(url)


def without_query(url: str) -> str:
    """Return the URL without its query, for messages: a query often holds a key."""
    parts = urlsplit(url)
    return printable(urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")))


def _fetched(url: str) -> str:
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    kept = "".join(one if one.isalnum() or one in "._-" else "_" for one in name)[-100:].lstrip(".")
    return kept or "image"


class _SameKindOnly(urllib.request.HTTPRedirectHandler):
    """A server may send us on, but to nothing but http(s), and from https to nothing weaker."""

    def redirect_request(self, req: Any, *answer: Any) -> Any:
        """The next request. Raises FetchError."""
        newurl = str(answer[-1])
        scheme = urlsplit(newurl).scheme.lower()
        if scheme not in _ALLOWED or (req.type == "https" and scheme != "https"):
            raise FetchError(
                f"{without_query(req.full_url)}: the server redirects to {printable(scheme) or 'nowhere'}",
                hint="name the URL where the image really is",
            )
        return super().redirect_request(req, *answer)


def _opened(url: str) -> Any:
    """Open the URL with handlers for http and https only: urllib's default opener would open files, too."""
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
    headers = {"User-Agent": f"imgtool/{__version__}", "Accept-Encoding": "identity"}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the opener has no other handlers
    return opener.open(request, timeout=ANSWER_SECONDS)


def _receive(
    answer: Any, file: IO[bytes], shown: str, algorithms: Iterable[str], progress: Progress
) -> Mapping[str, str]:
    """The hashes of what came, in hex."""
    expected = answer.length
    bound = _bound(file, shown, expected)
    digests = {name: hashlib.new(name) for name in algorithms}
    size = 0
    with progress.meter("fetch", expected) as meter:
        while chunk := answer.read(_CHUNK_BYTES):
            size += len(chunk)
            if size > bound:
                raise _too_large(shown, bound)
            for digest in digests.values():
                digest.update(chunk)
            file.write(chunk)
            meter.advance(len(chunk))
    if expected is not None and size != expected:
        raise FetchError(f"{shown}: broke off after {size} of {expected} bytes", hint="try again")
    return {name: digest.hexdigest() for name, digest in digests.items()}


def _bound(file: IO[bytes], shown: str, expected: int | None) -> int:
    """How many bytes there is room for."""
    bound = min(MAX_BYTES, max(shutil.disk_usage(file.fileno()).free - SPARE_BYTES, 0))
    if expected is not None and expected > bound:
        raise _too_large(shown, bound)
    return bound


def _too_large(shown: str, bound: int) -> FetchError:
    return FetchError(
        f"{shown}: is larger than the {human_size(bound)} that there is room for",
        hint="put the journal on a larger disk: images are fetched to beside it",
    )


def _failure(shown: str, error: Exception) -> FetchError:
    if isinstance(error, urllib.error.HTTPError):
        reason = printable(str(error.reason))
        return FetchError(f"{shown}: the server answers {error.code} {reason}", hint="check the URL")
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return FetchError(f"{shown}: the disk is full", hint="put the journal on a larger disk")
    cause = getattr(error, "reason", error)
    words = printable(str(getattr(cause, "strerror", None) or cause or type(error).__name__))
    return FetchError(
        f"{shown}: could not be fetched: {words}", hint="check the URL, the network and the proxy"
    )
