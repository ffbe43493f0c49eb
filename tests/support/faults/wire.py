"""HTTP/1.1 on a socket, byte for byte: heads, and bodies by their framing (RFC 9112, sections 2 to 7)."""

import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

PIECE_BYTES = 1 << 16
MAX_HEAD_BYTES = 1 << 20
NO_BODY = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}


class GoneError(Exception):
    """The other side closed or reset the connection where something had to come."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first line and the headers, as they came (`raw`) and taken apart."""

    raw: bytes
    first: tuple[str, str, str]
    headers: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, raw: bytes) -> "Head":
        """`raw` ends with the empty line."""
        first, *lines = raw.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        one, two, three = (*first.split(" ", 2), "")[:3]
        pairs = (line.partition(":") for line in lines)
        return cls(raw, (one, two, three), tuple((name.strip(), value.strip()) for name, _, value in pairs))

    def get(self, name: str) -> str | None:
        """The value of the first header of that name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def status(self) -> int:
        """Of an answer."""
        return int(self.first[1])

    @property
    def length(self) -> int | None:
        """Content-Length; None without one."""
        value = self.get("content-length")
        return None if value is None else int(value)

    @property
    def chunked(self) -> bool:
        """The body comes in chunks."""
        return (self.get("transfer-encoding") or "").lower() == "chunked"

    @property
    def closes(self) -> bool:
        """The connection ends after this message."""
        return (self.get("connection") or "").lower() == "close"

    def without(self, *names: str) -> "Head":
        """The same without these headers."""
        dropped = {name.lower() for name in names}
        lines = self.raw.split(b"\r\n")[:-2]
        kept = [
            line for line in lines[1:] if line.partition(b":")[0].decode("latin-1").lower() not in dropped
        ]
        return Head.of(b"\r\n".join([lines[0], *kept, b"", b""]))

    def with_header(self, name: str, value: str) -> "Head":
        """The same with one header more."""
        return Head.of(self.raw.removesuffix(b"\r\n") + f"{name}: {value}\r\n\r\n".encode())


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a body: as it is on the wire, and what it carries."""

    raw: bytes
    data: bytes


class Wire:
    """One end of a connection. Raises GoneError."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._buffer = b""

    def head(self) -> Head | None:
        """The next message's head; None where the other side is done."""
        while b"\r\n\r\n" not in self._buffer:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise GoneError("a head without an end")
            more = self._receive()
            if not more:
                return None
            self._buffer += more
        raw, end, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return Head.of(raw + end)

    def request_body(self, head: Head) -> Iterator[Piece]:
        """The body of a request: without a length it has none."""
        return self._chunks() if head.chunked else self._counted(head.length or 0)

    def answer_body(self, head: Head, method: str) -> Iterator[Piece]:
        """The body of an answer: without a length it goes on until the connection ends."""
        if method == "HEAD" or head.status in NO_BODY:
            return iter(())
        if head.chunked:
            return self._chunks()
        return self._rest() if head.length is None else self._counted(head.length)

    def send(self, data: bytes) -> None:
        """All of `data`."""
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise GoneError(str(error)) from error

    def reset(self) -> None:
        """End it at once: the other side sees ECONNRESET. By SO_LINGER of socket(7)."""
        with suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self) -> None:
        """End it, also for a thread that waits in it."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def _receive(self) -> bytes:
        try:
            return self.sock.recv(PIECE_BYTES)
        except OSError as error:
            raise GoneError(str(error)) from error

    def _some(self, most: int) -> bytes:
        found = self._buffer or self._receive()
        if not found:
            raise GoneError("the connection ended within a body")
        self._buffer = found[most:]
        return found[:most]

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            more = self._receive()
            if not more:
                raise GoneError("the connection ended within a chunk")
            self._buffer += more
        line, end, self._buffer = self._buffer.partition(b"\r\n")
        return line + end

    def _counted(self, left: int) -> Iterator[Piece]:
        while left:
            data = self._some(left)
            left -= len(data)
            yield Piece(data, data)

    def _chunks(self) -> Iterator[Piece]:
        while True:
            line = self._line()
            yield Piece(line, b"")
            size = int(line.partition(b";")[0], 16)
            if not size:
                break
            yield from self._counted(size)
            yield Piece(self._line(), b"")
        while line != b"\r\n":  # trailers, and the empty line
            line = self._line()
            yield Piece(line, b"")

    def _rest(self) -> Iterator[Piece]:
        while data := self._buffer or self._receive():
            self._buffer = b""
            yield Piece(data, data)
