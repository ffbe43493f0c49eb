"""The proxy between a client and Glance: what has no fault goes through; its faults are as described."""

import hashlib
import http.client
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.cloud import Devcloud
from support.fault_proxy import FaultProxy
from support.faults.answers import WORDS
from support.faults.model import Fault, Route

from imgtool.glance import Cloud, connect

DATA = bytes(range(256)) * 1024  # 256 KiB
HEAD = {"Content-Type": "application/octet-stream"}


class Client:
    """Plain requests, each on a connection of its own, with a member's token."""

    def __init__(self, proxy: FaultProxy, cloud: Cloud) -> None:
        self.address = urlsplit(proxy.url).netloc
        self.token = cloud._session.get_token() or ""
        self.cloud = cloud

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self.address, timeout=30)
        try:
            connection.request(method, path, body, {"X-Auth-Token": self.token, **HEAD, **headers})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def image(self) -> str:
        """A new record; its path."""
        image_id = str(uuid.uuid4())
        document = {"id": image_id, "name": "proxy", "disk_format": "raw", "container_format": "bare"}
        assert self.cloud.request("POST", "/v2/images", json=document).ok
        return f"/v2/images/{image_id}"

    def status(self, path: str) -> dict[str, Any]:
        """What Glance itself has."""
        found: dict[str, Any] = self.cloud.request("GET", path).document
        return found


@pytest.fixture
def proxy(devcloud: Devcloud) -> Iterator[FaultProxy]:
    with FaultProxy(connect("devcloud-member").endpoint) as running:
        yield running


@pytest.fixture
def client(proxy: FaultProxy) -> Client:
    return Client(proxy, connect("devcloud-member"))


@pytest.fixture
def path(client: Client) -> Iterator[str]:
    made = client.image()
    yield made
    wait_for(lambda: client.cloud.request("DELETE", made).status in {204, 404})  # 500: its PUT is ending yet


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


class Recorder:
    """A server that remembers each byte, and answers what it is told to."""

    def __init__(self, answer: bytes, expected_bytes: int) -> None:
        self.got = b""
        self._answer = answer
        self._expected = expected_bytes
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with self._listener, connection:
            while len(self.got) < self._expected:
                self.got += connection.recv(1 << 16)
            connection.sendall(self._answer)


LENGTH = b"PUT /x?y=%20 HTTP/1.1\r\nhOsT:  odd \r\nContent-Length: 5\r\n\r\n01\r\n2"
CHUNKS = (
    b"PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3;a=b\r\nabc\r\n1\r\nd\r\n0\r\nTrailer: yes\r\n\r\n"
)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
NONE = b"GET / HTTP/1.1\r\nX: \xe9\r\n\r\n"


@pytest.mark.parametrize("request_bytes", [LENGTH, CHUNKS, NONE], ids=["length", "chunks", "none"])
@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        CONTINUE + b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        b"HTTP/1.1 500 Oh\r\nConnection: close\r\n\r\nuntil the end",
    ],
    ids=["length", "empty", "continue", "endless"],
)
def test_every_byte_goes_through_both_ways(request_bytes: bytes, answer: bytes) -> None:
    server = Recorder(answer, len(request_bytes))
    with FaultProxy(server.url) as proxy, socket.create_connection(split(proxy.url), timeout=30) as client:
        client.sendall(request_bytes)
        got = b""
        while len(got) < len(answer):
            got += client.recv(1 << 16)
    assert (got, server.got) == (answer, request_bytes)


def split(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return str(parts.hostname), int(parts.port or 0)


def test_an_upload_goes_through_on_one_connection(proxy: FaultProxy, client: Client, path: str) -> None:
    large = DATA * 64
    connection = http.client.HTTPConnection(client.address, timeout=30)
    for method, target, body in (("PUT", f"{path}/file", large), ("GET", path, None), ("GET", path, None)):
        connection.request(method, target, body, {"X-Auth-Token": client.token, **HEAD})
        answer = connection.getresponse()
        assert answer.status in {200, 204}
        answer.read()
    connection.close()
    assert client.status(path)["os_hash_value"] == hashlib.sha512(large).hexdigest()
    sent, shown, _ = proxy.seen
    assert (sent.received_bytes, sent.forwarded_bytes, sent.told_status) == (len(large), len(large), 204)
    assert sent.sha512 == hashlib.sha512(large).hexdigest()
    assert (shown.method, shown.target, shown.glance_status) == ("GET", path, 200)
    assert proxy.tokens == {client.token}


@pytest.mark.parametrize("at", [0, 0.01, 0.5, 0.99, 1])
def test_a_reset(at: float, proxy: FaultProxy, client: Client, path: str) -> None:
    proxy.inject(Fault(Route.DATA, "reset", at=at))
    with pytest.raises(ConnectionError):
        client.ask("PUT", f"{path}/file", DATA)
    proxy.settle()
    (seen,) = proxy.of(Route.DATA)
    assert seen.forwarded_bytes == round(len(DATA) * at)
    assert (seen.glance_status, seen.told_status) == (204 if at == 1 else None, None)
    if at == 1:
        assert client.status(path)["status"] == "active"


def test_a_reset_that_glance_does_not_see(proxy: FaultProxy, client: Client, path: str) -> None:
    proxy.inject(Fault(Route.DATA, "unanswered"))
    with pytest.raises(ConnectionError):
        client.ask("PUT", f"{path}/file", DATA)
    proxy.settle()
    assert client.status(path)["status"] == "active"


def test_a_reset_of_a_request_without_a_body(proxy: FaultProxy, client: Client, path: str) -> None:
    proxy.inject(Fault(Route.DELETE, "reset", at=0), Fault(Route.DELETE, "reset", at=1, nth=2))
    for status in (200, 404):
        with pytest.raises(ConnectionError):
            client.ask("DELETE", path)
        proxy.settle()
        assert client.cloud.request("GET", path).status == status


def test_a_stall_ends_with_the_client(proxy: FaultProxy, client: Client, path: str) -> None:
    proxy.inject(Fault(Route.DATA, "stall", at=0.25))
    with socket.create_connection(split(proxy.url), timeout=0.5) as connection:
        connection.sendall(b"PUT %b/file HTTP/1.1\r\nContent-Length: %d\r\n" % (path.encode(), 1 << 30))
        connection.sendall(b"X-Auth-Token: %b\r\n\r\n" % client.token.encode())
        with pytest.raises(TimeoutError):
            while True:
                connection.sendall(bytes(1 << 20))
    proxy.settle()
    (seen,) = proxy.seen
    assert seen.forwarded_bytes <= 1 << 28
    assert client.status(path)["status"] != "active"


def test_a_stall_goes_on_when_it_is_released(proxy: FaultProxy, client: Client, path: str) -> None:
    proxy.inject(Fault(Route.DATA, "stall", at=0.25))
    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(client.ask("PUT", f"{path}/file", DATA)[0]))
    thread.start()
    wait_for(lambda: any(seen.forwarded_bytes == len(DATA) // 4 for seen in proxy.seen))
    assert answers == []
    proxy.release()
    thread.join(60)
    assert answers == [204]
    assert client.status(path)["os_hash_value"] == hashlib.sha512(DATA).hexdigest()


@pytest.mark.parametrize("status", [401, 409, 413, 415, 500, 503])
@pytest.mark.parametrize("when", ["before", "during", "instead"])
def test_a_status(status: int, when: Any, proxy: FaultProxy, client: Client, path: str) -> None:
    proxy.inject(Fault(Route.DATA, "status", at=0.5, status=status, when=when))
    got, answer = client.ask("PUT", f"{path}/file", DATA)
    assert got == status
    assert WORDS[status] in answer.decode()
    proxy.settle()
    (seen,) = proxy.seen
    assert seen.forwarded_bytes == {"before": 0, "during": len(DATA) // 2, "instead": len(DATA)}[when]
    assert seen.received_bytes == len(DATA)
    assert (client.status(path)["status"] == "active") == (when == "instead")


@pytest.mark.parametrize("at", [0, 0.5, 0.99])
def test_a_body_cut_off_cleanly_makes_an_active_image(
    at: float, proxy: FaultProxy, client: Client, path: str
) -> None:
    proxy.inject(Fault(Route.DATA, "truncate", at=at))
    size = {"x-openstack-image-size": str(len(DATA))}
    assert client.ask("PUT", f"{path}/file", DATA, **size)[0] == 204
    found = client.status(path)
    assert (found["status"], found["size"]) == ("active", round(len(DATA) * at))


@pytest.mark.parametrize("at", [0, 0.5, 1])
def test_a_flipped_byte(at: float, proxy: FaultProxy, client: Client, path: str) -> None:
    proxy.inject(Fault(Route.DATA, "flip", at=at))
    assert client.ask("PUT", f"{path}/file", DATA)[0] == 204
    place = max(round(len(DATA) * at) - 1, 0)
    changed = DATA[:place] + bytes([DATA[place] ^ 0xFF]) + DATA[place + 1 :]
    assert client.status(path)["os_hash_value"] == hashlib.sha512(changed).hexdigest()


@pytest.mark.parametrize("at", [0, 0.5, 1])
def test_an_answer_cut_in_the_middle(at: float, proxy: FaultProxy, client: Client, path: str) -> None:
    proxy.inject(Fault(Route.SHOW, "cut", at=at))
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        client.ask("GET", path)
    assert client.ask("GET", path)[0] == 200


def test_a_fault_meets_the_requests_that_it_names(proxy: FaultProxy, client: Client, path: str) -> None:
    proxy.inject(Fault(Route.SHOW, "status", status=503, nth=2, times=2))
    assert [client.ask("GET", path)[0] for _ in range(4)] == [200, 503, 503, 200]
    assert client.ask("GET", "/v2/images?limit=1")[0] == 200
    assert [str(fault) for fault in proxy.met] == ["503 before at 100% of SHOW 2, 2 times"] * 2
    proxy.calm()
    assert (proxy.seen, proxy.met) == ((), ())


def test_glance_refuses_early_and_is_heard(proxy: FaultProxy, client: Client, tmp_path: Path) -> None:
    missing = f"/v2/images/{uuid.uuid4()}/file"
    status, _ = client.ask("PUT", missing, DATA * 16)
    assert status == 404
