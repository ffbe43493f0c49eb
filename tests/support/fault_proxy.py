"""A proxy on loopback between a client and the real Glance, which does faults to chosen requests.

    with FaultProxy(glance_url) as proxy:
        proxy.inject(Fault(Route.DATA, "reset", at=0.5))

clouds.yaml points to it by `image_endpoint_override`; Keystone is asked directly. What is met by no fault
goes through byte for byte, however large; every request is remembered with what was seen of its body.
"""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from support.faults.exchange import Exchange
from support.faults.kinds import carry
from support.faults.model import Fault, Route, Seen
from support.faults.wire import GoneError, Wire

END_SECONDS = 30.0


class FaultProxy:
    """A thread accepts, and one per connection carries its requests, one after another."""

    def __init__(self, glance_url: str) -> None:
        parts = urlsplit(glance_url)
        self._glance = (parts.hostname or "", parts.port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._lock = threading.RLock()
        self._idle = threading.Condition(self._lock)
        self._busy = 0
        self._faults: list[tuple[Fault, list[None]]] = []
        self._seen: list[Seen] = []
        self._wires: set[Wire] = set()
        self._threads: list[threading.Thread] = []
        self._released = threading.Event()
        self._closing = False
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self.release()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads[:1]:
            thread.join(END_SECONDS)
        with self._lock:
            for wire in self._wires:
                wire.close()
        for thread in self._threads:
            thread.join(END_SECONDS)
            assert not thread.is_alive(), "a connection of the proxy does not end"

    def inject(self, *faults: Fault) -> None:
        """These too; each counts the requests of its route from now on."""
        with self._lock:
            self._faults += [(fault, []) for fault in faults]

    def calm(self) -> None:
        """No faults any more, and what was seen is forgotten."""
        with self._lock:
            self._faults.clear()
            self._seen.clear()

    def release(self) -> None:
        """Let what is stalled now go on."""
        with self._lock:
            self._released.set()
            if not self._closing:
                self._released = threading.Event()

    def settle(self) -> None:
        """Wait until no request is under way: then Glance has made up its mind about each.

        What is stalled goes on: a client that left behind more than fits into a socket is not noticed else.
        """
        self.release()
        with self._idle:
            assert self._idle.wait_for(lambda: not self._busy, END_SECONDS), "a request does not end"

    @property
    def seen(self) -> tuple[Seen, ...]:
        """All requests until now, in the order in which they came."""
        with self._lock:
            return tuple(self._seen)

    def of(self, route: Route) -> tuple[Seen, ...]:
        """The requests of `route`."""
        return tuple(one for one in self.seen if one.is_a(route))

    @property
    def tokens(self) -> set[str]:
        """Every token that came by."""
        return {token for one in self.seen if (token := one.header("x-auth-token"))}

    @property
    def image_ids(self) -> tuple[str, ...]:
        """Of the records that the client wanted to be made. Of half a request none can be made."""
        asked = self.of(Route.CREATE)
        whole = [one for one in asked if one.header("content-length") == str(one.received_bytes)]
        return tuple(str(one.document["id"]) for one in whole)

    @property
    def met(self) -> tuple[Fault, ...]:
        """The faults that met a request."""
        return tuple(one.fault for one in self.seen if one.fault is not None)

    def _start(self, function: object, *arguments: object) -> None:
        thread = threading.Thread(target=function, args=arguments, daemon=True)  # type: ignore[arg-type]  # as much as is asked of it
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._start(self._serve, Wire(connection))

    def _serve(self, client: Wire) -> None:
        with self._lock:
            self._wires.add(client)
        try:
            with suppress(GoneError):
                while self._one(client):
                    pass
        finally:
            client.close()
            with self._lock:
                self._wires.discard(client)

    def _one(self, client: Wire) -> bool:
        request = client.head()
        if request is None:
            return False
        seen = Seen(request.first[0], request.first[1], request.headers)
        with self._lock:
            self._seen.append(seen)
            seen.fault = self._met_by(seen)
            self._busy += 1
        try:
            return carry(Exchange(client, self._glance, request, seen), seen.fault, self._released)
        finally:
            with self._idle:
                self._busy -= 1
                self._idle.notify_all()

    def _met_by(self, seen: Seen) -> Fault | None:
        """The first of the faults that wants it; each of them counts it."""
        found = None
        for fault, met in self._faults:
            if seen.is_a(fault.route):
                met.append(None)
                if found is None and fault.meets(len(met)):
                    found = fault
        return found
