import hashlib
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from imgtool.errors import FetchError, VerificationError
from imgtool.fetch import download
from imgtool.util.progress import NullProgress

CONTENT = bytes(range(256)) * 5000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Each path is one way to answer."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()
        elif path == "/missing":
            self.send_error(404)
        else:
            self.answer(path)

    def answer(self, path: str) -> None:
        self.send_response(200)
        if path == "/huge":
            self.send_header("Content-Length", str(1 << 50))
        elif path != "/unknown-length":
            self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[: len(CONTENT) // 2] if path == "/torn" else CONTENT)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving() as url:
        yield url


@contextmanager
def serving() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{found.server_address[1]}"
        finally:
            found.shutdown()
            thread.join()


def get(url: str, folder: Path, sha256: str = SHA256) -> Path:
    found = download.fetch(url, {"sha256": sha256}, folder, NullProgress())
    assert found.sha256 == sha256
    return found.path


@pytest.mark.parametrize("path", ["/disk.qcow2", "/unknown-length", "/disk.qcow2?signature=abc"])
def test_the_bytes_are_those_of_the_server(path: str, server: str, tmp_path: Path) -> None:
    found = get(server + path, tmp_path)
    assert found.read_bytes() == CONTENT
    assert found == download.target(server + path, tmp_path)
    assert found.name == path.partition("?")[0][1:]


def test_a_redirect_is_followed(server: str, tmp_path: Path) -> None:
    assert get(f"{server}/to/{server}/disk.raw", tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x"])
def test_no_redirect_leads_out_of_http(target: str, server: str, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"(?i)redirect"):
        get(f"{server}/to/{target}", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_nothing_else_is_opened_either(url: str, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="could not be fetched"):
        get(url, tmp_path)


def test_another_file_is_refused_and_gone(server: str, tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match=f"its SHA-256 is {SHA256}, and not {'0' * 64}"):
        get(f"{server}/disk.raw", tmp_path, "0" * 64)
    assert list(tmp_path.iterdir()) == []


def test_by_another_hash(server: str, tmp_path: Path) -> None:
    """Debian publishes SHA512SUMS only."""
    wanted = {"sha512": hashlib.sha512(CONTENT).hexdigest()}
    found = download.fetch(f"{server}/disk.raw", wanted, tmp_path, NullProgress())
    assert found.sha256 == SHA256
    found.path.unlink()
    for wrong in ({"sha512": "0" * 128}, {**wanted, "sha256": "0" * 64}):
        with pytest.raises(VerificationError, match=r"its SHA-(512|256) is [0-9a-f]+, and not 0000"):
            download.fetch(f"{server}/disk.raw", wrong, tmp_path, NullProgress())
        assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="nothing to compare"):
        download.fetch(f"{server}/disk.raw", {}, tmp_path, NullProgress())


def test_a_torn_answer_is_refused_and_gone(server: str, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="torn"):
        get(f"{server}/torn", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_there_is_no_room_for_is_refused_before_it_comes(server: str, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"larger than the .* that there is room for"):
        get(f"{server}/huge", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_grows_beyond_the_bound_is_refused(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "MAX_BYTES", 1000)
    with pytest.raises(FetchError, match="larger than"):
        get(f"{server}/unknown-length", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_the_server_refuses_is_told_without_the_query(server: str, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="/missing: the server answers 404 Not Found") as caught:
        get(f"{server}/missing?token=hidden", tmp_path)
    assert "hidden" not in caught.value.message


def test_nobody_who_listens_is_told(tmp_path: Path) -> None:
    with serving() as url:
        pass
    with pytest.raises(FetchError, match="could not be fetched: Connection refused"):
        get(f"{url}/x", tmp_path)


@pytest.mark.parametrize(
    ("path", "name"),
    [("/a/b.qcow2", "b.qcow2"), ("/", "image"), ("/%2e%2e%2fetc%2fpasswd", "passwd"), ("/.hidden", "hidden"),
     ("/a b\n.raw", "a_b.raw"), ("/" + "x" * 300 + ".raw", "x" * 96 + ".raw")],
)  # fmt: skip
def test_the_file_has_a_harmless_name(path: str, name: str, tmp_path: Path) -> None:
    assert download.target(f"https://h{path}", tmp_path) == tmp_path / name
