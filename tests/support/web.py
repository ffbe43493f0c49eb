"""A small web server on loopback, whose answers a test chooses."""

import hashlib
import http.server
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message

import pytest


@dataclass
class Site:
    """What the server has, and what was asked of it."""

    files: dict[str, bytes] = field(default_factory=dict)
    """By path, without a query."""
    torn: list[int] = field(default_factory=list)
    """How many bytes each of the next answers has before it breaks off."""
    resumes: bool = True
    """It knows ETag, If-Range and Range."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Path and Range of each GET."""
    url: str = ""

    def put(self, path: str, content: bytes | str) -> str:
        """Have a file; its URL."""
        self.files[path] = content if isinstance(content, bytes) else content.encode()
        return self.url + path


class _Handler(http.server.BaseHTTPRequestHandler):
    site: Site

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        site, path = self.site, self.path.partition("?")[0]
        if with_body:
            site.asked.append((path, self.headers.get("Range", "")))
        content = site.files.get(path)
        if content is None:
            self.send_error(404)
            return
        etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        start = _start(self.headers, etag) if site.resumes else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if site.resumes:
            self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        with suppress(ConnectionError):  # who asked went away
            if with_body:
                self._send(content, start)

    def _send(self, content: bytes, start: int) -> None:
        self.wfile.write(content[start : start + self.site.torn.pop(0) if self.site.torn else None])

    def log_message(self, *_: object) -> None:
        pass


def _start(headers: "Mapping[str, str] | Message", etag: str) -> int:
    wanted = headers.get("Range", "")
    return int(wanted[6:-1]) if wanted and headers.get("If-Range") == etag else 0


@contextmanager
def serving() -> Iterator[Site]:
    """A site that answers as long as the block lasts."""
    site = Site()
    handler = type("Handler", (_Handler,), {"site": site})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        site.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A site that is reached without a proxy."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving() as found:
        yield found
