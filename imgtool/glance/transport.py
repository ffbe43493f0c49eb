"""Answers of Keystone and Glance, however hostile, within bounds: of time, of size, of what JSON may be.

requests bounds the wait for each byte and nothing else: it inflates whatever comes, and reads for as long as
something comes. All of a session's requests go through this adapter, also those that keystoneauth makes of
its own accord to sign in and to find endpoints. Imported when it is needed, as keystoneauth itself.
"""

import io
import json
import socket
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from typing import Any

import urllib3
from keystoneauth1.session import TCPKeepAliveAdapter
from requests import PreparedRequest, Response
from requests.exceptions import ChunkedEncodingError, ContentDecodingError, ReadTimeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ReadTimeoutError

from imgtool.errors import CloudError
from imgtool.util import log
from imgtool.util.redaction import without_credentials
from imgtool.util.text import human_size, printable

MAX_BYTES = 32 << 20
"""Of an answer, inflated: a page of 1,000 images with many properties has a tenth of that."""
MAX_VALUES = 1_000_000
"""In a JSON document, which takes up to a hundred times its size in memory."""
WAIT_SECONDS = 60.0
"""For each byte, where whoever asks says nothing: keystoneauth waits for ever."""
ANSWER_SECONDS = 60.0
"""How long an answer may take from its first byte to its last, and more than the wait for the first."""
_PIECE_BYTES = 1 << 16
_INFLATED = {"gzip": zlib.MAX_WBITS | 32, "x-gzip": zlib.MAX_WBITS | 32, "deflate": zlib.MAX_WBITS | 32}
"""Content codings (RFC 9110, 8.4.1) that a proxy may use though none was asked for; with either header."""


class BoundedAdapter(TCPKeepAliveAdapter):
    """Reads the whole answer before it returns. Raises CloudError where that goes beyond a bound."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pool manager as before, with connections that have a deadline."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Return the pool manager for connections through a proxy."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """Send with a timeout and without a content coding, whatever the session wants."""
        kwargs |= {"stream": True, "timeout": kwargs.get("timeout") or WAIT_SECONDS}
        request.headers["Accept-Encoding"] = "identity"
        source = f"{request.method} {printable(without_credentials(str(request.url)))}"
        try:
            with _logged(source) as outcome:
                response = super().send(request, *args, **kwargs)
                response._content = _inflated(response, _content(response))
                outcome["status"] = response.status_code
        except _BeyondError as error:
            raise CloudError(
                f"the answer to {source} {error}", hint="is there really Keystone or Glance at that address?"
            ) from None
        response._content_consumed = True
        return response


@contextmanager
def _logged(source: str) -> Iterator[dict[str, int]]:
    """Log how the request ended, and how long it took; the block says with which `status`."""
    began, outcome = time.monotonic(), dict[str, int]()
    try:
        yield outcome
    finally:
        seconds = time.monotonic() - began
        log.debug(__name__, f"{source}: {outcome.get('status', 'no answer')}", **outcome, seconds=seconds)


class _BeyondError(Exception):
    """What is wrong with an answer, to be said after its address."""


def _content(response: Response) -> bytes:
    """The body as it came over the wire, and the connection free again."""
    raw, content = response.raw, bytearray()
    try:
        while piece := raw.read(_PIECE_BYTES, decode_content=False):
            content += piece
            if len(content) > MAX_BYTES:
                raise _too_large()  # noqa: TRY301 - the connection is closed below
    except ReadTimeoutError as error:
        raise ReadTimeout(str(error)) from None
    except HTTPError as error:
        raise ChunkedEncodingError(str(error)) from None
    except BaseException:
        raw.close()
        raise
    raw.release_conn()
    return bytes(content)


def _inflated(response: Response, content: bytes) -> bytes:
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding in _INFLATED and content:
        inflate = zlib.decompressobj(_INFLATED[coding])
        try:
            content = inflate.decompress(content, MAX_BYTES + 1)
        except zlib.error as error:
            raise ContentDecodingError(str(error)) from None
        if len(content) > MAX_BYTES:
            raise _too_large()
    elif coding != "identity" and content:
        raise _BeyondError(f"is coded as {printable(coding[:40])!r}, which was not asked for")
    _require_bounded(content)
    return content


def _too_large() -> _BeyondError:
    return _BeyondError(f"is larger than {human_size(MAX_BYTES)}")


def _require_bounded(content: bytes) -> None:
    """Refuses JSON that would take all memory, or that is nested deeper than Python's parser goes."""
    if content[:64].lstrip()[:1] not in {b"{", b"["}:
        return
    if sum(map(content.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise _BeyondError(f"has more than {MAX_VALUES} values")
    try:
        json.loads(content)
    except RecursionError:
        raise _BeyondError("is JSON that is nested too deeply") from None
    except ValueError:
        return  # whoever needs it says so


class _Reader(io.RawIOBase):
    """What a socket receives until a deadline. It may come a byte at a time, and each is waited for anew."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)
        self._patience = sock.gettimeout() or WAIT_SECONDS
        self._deadline = time.monotonic() + self._patience + ANSWER_SECONDS

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Raises TimeoutError where nothing comes, and _BeyondError when the time is over."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise self._too_late()
        self._sock.settimeout(min(self._patience, left))
        try:
            return self._file.readinto(buffer)
        except TimeoutError:
            if left < self._patience:
                raise self._too_late() from None
            raise

    def _too_late(self) -> _BeyondError:
        return _BeyondError(f"did not end within {self._patience + ANSWER_SECONDS:.0f} s")

    def close(self) -> None:
        """The file; the socket is the connection's."""
        self._file.close()
        super().close()


class _Reading:
    """Stands in place of a socket, for http.client, which only makes a file of it."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return a file to read from."""
        return io.BufferedReader(_Reader(self._sock))


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        # It has what http.client asks of a socket.
        super().__init__(_Reading(sock), *args, **kwargs)  # type: ignore[arg-type]  # as http.client calls it


class _Connection(HTTPConnection):
    response_class = _Response


class _TlsConnection(HTTPSConnection):
    response_class = _Response


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS: Any = {"http": _Pool, "https": _TlsPool}
