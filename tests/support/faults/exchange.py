"""One request on its way to Glance, piece by piece, and its answer on the way back."""

import select
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain

from support.faults.model import Seen
from support.faults.wire import GoneError, Head, Piece, Wire

GLANCE_SECONDS = 120.0
"""For one step of Glance's: only against a test that would hang."""


class Exchange:
    """The steps of which passing on, and every fault, is made. Raises GoneError."""

    def __init__(self, client: Wire, glance: tuple[str, int], request: Head, seen: Seen) -> None:
        self.client = client
        self.request = request
        self.seen = seen
        self._address = glance
        self._glance: Wire | None = None
        self._body = self._noted(client.request_body(request))
        self._given = 0

    @property
    def total_bytes(self) -> int:
        """Of the request's body. Of one in chunks, what its sender says."""
        return self.request.length or int(self.request.get("x-openstack-image-size") or 0)

    @property
    def glance(self) -> Wire:
        """The connection for this request only."""
        assert self._glance is not None
        return self._glance

    def open(self, head: Head | None = None) -> None:
        """Connects to Glance and sends the head."""
        try:
            self._glance = Wire(socket.create_connection(self._address, timeout=GLANCE_SECONDS))
        except OSError as error:
            raise GoneError(str(error)) from error
        self.glance.send((head or self.request).raw)

    def pieces(self, up_to: int | None = None) -> Iterator[Piece]:
        """The body from the client, from where the last call ended, until `up_to` of its bytes were read."""
        while up_to is None or self._given < up_to:
            piece = next(self._body, None)
            if piece is None:
                return
            room = None if up_to is None else up_to - self._given
            if room is not None and len(piece.data) > room:
                self._body = chain([Piece(piece.raw[room:], piece.data[room:])], self._body)
                piece = Piece(piece.raw[:room], piece.data[:room])
            self._given += len(piece.data)
            yield piece

    def forward(self, up_to: int | None = None, change: Callable[[bytes], bytes] = bytes) -> None:
        """Passes the body on; stops where Glance answers before it has all, or does not listen any more."""
        for piece in self.pieces(up_to):
            if self.answered_early:
                return
            try:
                self.glance.send(change(piece.raw))
            except GoneError:
                return
            self.seen.forwarded_bytes += len(piece.data)

    @property
    def answered_early(self) -> bool:
        """Glance says something, or has hung up."""
        return bool(select.select([self.glance.sock], [], [], 0)[0])

    def drain(self) -> None:
        """Takes the rest of the body: a client reads the answer when it has sent all."""
        for _ in self.pieces():
            pass

    def answer(self) -> tuple[Head, Iterator[Piece]]:
        """Glance's answer; what announces it (1xx) is passed on at once."""
        while True:
            head = self.glance.head()
            if head is None:
                raise GoneError("Glance hung up without an answer")
            if head.status >= 200:
                break
            self.client.send(head.raw)
        self.seen.glance_status = head.status
        return head, self.glance.answer_body(head, self.request.first[0])

    def whole_answer(self) -> bytes:
        """Glance's answer, all of it, not passed on."""
        head, body = self.answer()
        return head.raw + b"".join(piece.raw for piece in body)

    def relay(self) -> bool:
        """Passes the answer on as it comes. Whether the client's connection can go on."""
        head, body = self.answer()
        self.seen.told_status = head.status
        self.client.send(head.raw)
        for piece in body:
            self.client.send(piece.raw)
        self.drain()
        endless = head.length is None and not head.chunked and head.status not in {204, 304}
        return not (head.closes or endless or self.request.closes)

    def tell(self, status: int, answer: bytes) -> bool:
        """An answer of our own, and the rest of the body is taken. The client's connection can go on."""
        self.seen.told_status = status
        self.client.send(answer)
        self.drain()
        return not self.request.closes

    def close(self) -> None:
        """Hangs up on Glance."""
        if self._glance is not None:
            with suppress(OSError):
                self._glance.close()

    def _noted(self, body: Iterator[Piece]) -> Iterator[Piece]:
        for piece in body:
            self.seen.received(piece.data)
            yield piece
