"""The bytes of a URL in order. What breaks off is continued where it broke, as long as the file is the same.

RFC 9110: a Range with If-Range is answered by 206 only where the validator (ETag, Last-Modified) still holds.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from imgtool.errors import FetchError
from imgtool.fetch import web
from imgtool.fetch.urls import without_query
from imgtool.util import log
from imgtool.util.progress import Meter
from imgtool.util.text import printable

PAUSES_SECONDS = (0.5, 2.0, 5.0, 15.0)
"""Before each attempt to go on; after bytes that came, from the first again."""

MAX_BYTES = 1 << 40
"""Of one file, whatever the server says."""

_CHUNK_BYTES = 1 << 20
_PARTIAL = 206


class Transfer:
    """A URL that is open; as a context manager it is closed at the end. Its bytes can be read once."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.shown = without_query(url)
        self._answer = web.opened(url)
        self.size_bytes: int | None = self._answer.length
        """None where the server does not tell."""
        self._validator = _validator(self._answer)

    def __enter__(self) -> "Transfer":
        return self

    def __exit__(self, *_: object) -> None:
        self._answer.close()

    def chunks(self) -> Iterator[bytes]:
        """All bytes in order. Raises FetchError where not all of them came."""
        done, pauses = 0, iter(PAUSES_SECONDS)
        while True:
            reason = ""
            try:
                while chunk := self._answer.read(_CHUNK_BYTES):
                    done += len(chunk)
                    if done > MAX_BYTES:
                        raise FetchError(f"{self.shown}: does not end", hint="check the URL")
                    pauses = iter(PAUSES_SECONDS)
                    yield chunk
            except web.WEB_ERRORS as error:
                reason = web.reason_of(error)
            if not reason and self.size_bytes in {None, done}:
                return
            self._continue(done, pauses, reason)

    def _continue(self, done: int, pauses: Iterator[float], reason: str) -> None:
        """Open it again behind what came. Raises FetchError where that cannot be."""
        if self.size_bytes is None or self._validator is None:
            raise self._broken(done, reason)
        for pause in pauses:
            log.info(__name__, f"{self.shown}: broke off after {done} bytes; goes on in {pause:g} s")
            time.sleep(pause)
            with suppress(*web.WEB_ERRORS):
                if self._reopened(done):
                    return
                break
        raise self._broken(done, reason)

    def _reopened(self, done: int) -> bool:
        """Whether the server goes on; where it does not, it sends all from the start, or another file."""
        self._answer.close()
        headers = {"Range": f"bytes={done}-", "If-Range": str(self._validator)}
        self._answer = web.opened(self._url, headers)
        there = self._answer.headers.get("Content-Range", "")
        size = self.size_bytes or 0
        return bool(self._answer.status == _PARTIAL and there == f"bytes {done}-{size - 1}/{size}")

    def _broken(self, done: int, reason: str) -> FetchError:
        of = "" if self.size_bytes is None else f" of {self.size_bytes}"
        why = f": {printable(reason)}" if reason else ""
        return FetchError(f"{self.shown}: broke off after {done}{of} bytes{why}", hint="try again")


def _validator(answer: Any) -> str | None:
    """What says later whether the file is still the same; a weak ETag does not."""
    etag = answer.headers.get("ETag")
    return str(etag) if etag and not etag.startswith("W/") else answer.headers.get("Last-Modified")


def hashed(
    chunks: Iterable[bytes],
    algorithms: Iterable[str],
    meter: Meter,
    keep: Callable[[bytes], object] = len,
) -> Mapping[str, str]:
    """Hand all bytes to `keep`; their hashes by these algorithms of hashlib, in hexadecimal."""
    digests = {name: hashlib.new(name) for name in algorithms}
    for chunk in chunks:
        for digest in digests.values():
            digest.update(chunk)
        keep(chunk)
        meter.advance(len(chunk))
    return {name: digest.hexdigest() for name, digest in digests.items()}
