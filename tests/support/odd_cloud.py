"""A small Keystone and Glance on loopback, healthy until an answer is spoilt: for what no real one answers.

with OddCloud() as cloud:
    cloud.spoil("GET", "/v2/images", json_of([1, 2]))
"""

import gzip
import hashlib
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

TOKEN = "gAAAAAodd-cloud-token-that-nobody-may-see"  # noqa: S105 - of nobody
PASSWORD = "hunter2-of-the-odd-cloud"  # noqa: S105 - the same
PROJECT = "0123456789abcdef0123456789abcdef"

_BLANKS = gzip.compress(b" " * (64 << 20), 1)

Answer = Iterable[bytes]
"""A whole response as it goes over the wire, piece by piece."""


def response(content: bytes, status: int = 200, **headers: str) -> Answer:
    """With its length, and as JSON unless `headers` say otherwise."""
    lines = {"Content-Type": "application/json", "Content-Length": str(len(content))}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    yield f"HTTP/1.1 {status} Odd\r\n{head}\r\n".encode() + content


def json_of(document: Any, status: int = 200, **headers: str) -> Answer:
    """A document."""
    return response(json.dumps(document).encode(), status, **headers)


def bomb() -> Answer:
    """64 MiB of blanks, a hundredth of that on the wire."""
    return response(_BLANKS, Content_Encoding="gzip")


def endless(piece: bytes = b" " * 65_536, pause_seconds: float = 0) -> Answer:
    """In chunks, for ever."""
    yield b"HTTP/1.1 200 Odd\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    while True:
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
        time.sleep(pause_seconds)


def dripping_head() -> Answer:
    """Headers without an end, byte by byte."""
    yield b"HTTP/1.1 200 Odd\r\nX-Odd: "
    for _ in itertools.count():
        yield b"x"
        time.sleep(0.02)


class OddCloud:
    """A thread serves; answers are functions of the request's body."""

    def __init__(self) -> None:
        self._spoilt: dict[tuple[str, str], Callable[[], Answer]] = {}
        self.image: dict[str, Any] = {}
        self.asked: list[str] = []
        self.when_created: dict[str, Any] = {}
        """What a record has instead of what was asked for, from its beginning."""
        self.when_sent: dict[str, Any] = {}
        """The same from when its bytes are there."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with suppress(OSError):
                    for piece in outer.answer(self.command, self.path, body):
                        self.wfile.write(piece)
                    return
                self.close_connection = True

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def clouds_yaml(self, path: Path) -> Path:
        """Names it `odd`."""
        auth = {"auth_url": f"{self.url}/v3", "username": "u", "password": PASSWORD, "project_name": "p",
                "user_domain_id": "default", "project_domain_id": "default"}  # fmt: skip
        path.write_text(json.dumps({"clouds": {"odd": {"auth": auth, "region_name": "R"}}}))
        return path

    def spoil(self, method: str, path: str, answer: Callable[[], Answer]) -> None:
        """From now on; `ID` in the path stands for the image's."""
        self._spoilt[method, path] = answer

    def answer(self, method: str, target: str, body: bytes) -> Answer:
        """To one request."""
        path = urlsplit(target).path
        own = self.image.get("id")
        general = path.replace(own, "ID") if own else path
        self.asked.append(f"{method} {general}")
        if (spoilt := self._spoilt.get((method, general))) is not None:
            if (method, general) == ("POST", "/v2/images"):
                self.image = json.loads(body)
            return spoilt()
        return self._healthy(method, general, body)

    def _healthy(self, method: str, path: str, body: bytes) -> Answer:
        healthy = {
            ("GET", "/v3"): self._version,
            ("GET", "/v3/"): self._version,
            ("POST", "/v3/auth/tokens"): lambda _: json_of(self._token(), 201, X_Subject_Token=TOKEN),
            ("GET", "/v2/images"): lambda _: json_of({"images": []}),
            ("POST", "/v2/images"): self._create,
            ("PUT", "/v2/images/ID/file"): self._take,
            ("PATCH", "/v2/images/ID"): self._change,
            ("GET", "/v2/images/ID"): lambda _: json_of(self.image, 200 if self.image else 404),
            ("DELETE", "/v2/images/ID"): self._delete,
        }
        found = healthy.get((method, path))
        return json_of({"message": "not here"}, 404) if found is None else found(body)

    def _version(self, _body: bytes) -> Answer:
        links = [{"rel": "self", "href": f"{self.url}/v3/"}]
        return json_of({"version": {"id": "v3.14", "status": "stable", "links": links}})

    def _create(self, body: bytes) -> Answer:
        more = {"status": "queued", "owner": PROJECT, "protected": False, "size": None}
        self.image = more | {"created_at": "2026-01-01T00:00:00Z"} | json.loads(body) | self.when_created
        return json_of(self.image, 201)

    def _take(self, body: bytes) -> Answer:
        value = hashlib.sha512(body).hexdigest()
        self.image |= {"status": "active", "size": len(body), "os_hash_algo": "sha512"}
        self.image |= {"os_hash_value": value} | self.when_sent
        return response(b"", 204)

    def _change(self, body: bytes) -> Answer:
        self.image |= {one["path"][1:]: one["value"] for one in json.loads(body)}
        return json_of(self.image)

    def _delete(self, _body: bytes) -> Answer:
        self.image = {}
        return response(b"", 204)

    def _token(self) -> dict[str, Any]:
        endpoint = {"interface": "public", "region": "R", "region_id": "R", "url": self.url, "id": "e"}
        token = {
            "methods": ["password"], "expires_at": "2099-01-01T00:00:00.000000Z",
            "issued_at": "2026-01-01T00:00:00.000000Z", "roles": [{"id": "r", "name": "member"}],
            "project": {"id": PROJECT, "name": "p", "domain": {"id": "default", "name": "Default"}},
            "user": {"id": "u", "name": "u", "domain": {"id": "default", "name": "Default"}},
            "catalog": [{"type": "image", "name": "glance", "id": "g", "endpoints": [endpoint]}],
        }  # fmt: skip
        return {"token": token}


class CloudBeforeRocky(OddCloud):
    """Glance up to API 2.6: os_hidden is any property, whose value has to be text, and MD5 the only hash."""

    def __init__(self) -> None:
        super().__init__()
        self.there: list[dict[str, Any]] = []
        """Images that are there already."""

    def answer(self, method: str, target: str, body: bytes) -> Answer:
        """A filter by a property that no image has finds none."""
        asked = urlsplit(target)
        if (method, asked.path) == ("GET", "/v2/schemas/image"):
            return json_of(
                {"name": "image", "properties": {"id": {"type": "string"}, "tags": {"type": "array"}}}
            )
        if (method, asked.path) == ("GET", "/v2/images"):
            return json_of({"images": [] if "os_hidden" in asked.query else self.there})
        for one in self.there:
            if (method, asked.path) == ("PATCH", f"/v2/images/{one['id']}"):
                one |= {change["path"][1:]: change["value"] for change in json.loads(body)}
            if asked.path == f"/v2/images/{one['id']}":
                return json_of(one)
        if method in {"POST", "PATCH"} and b"os_hidden" in body:
            return json_of(
                {"message": "Provided object does not match schema: False is not of type 'string'"}, 400
            )
        return super().answer(method, target, body)

    def _take(self, body: bytes) -> Answer:
        self.image |= {"status": "active", "size": len(body)}
        self.image |= {"checksum": hashlib.md5(body, usedforsecurity=False).hexdigest()}
        return response(b"", 204)


def pages(marker: Callable[[int], str]) -> Callable[[], Answer]:
    """Each page has a next one; its only image has the id that `marker` gives."""
    number: Iterator[int] = itertools.count()

    def page() -> Answer:
        image = {"id": marker(next(number)), "status": "active", "name": "another"}
        return json_of({"images": [image], "next": "/v2/images?marker=x"})

    return page
