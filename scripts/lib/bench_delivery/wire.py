"""The wire to Glance: a proxy on loopback that counts the bytes it passes on, in both directions.

The bytes stay in the kernel (splice(2)), so that they cost a timed run next to nothing. It can be as slow as
the network between an operator and a cloud: loopback is faster than any.
"""

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

PIECE_BYTES = 1 << 20
PACED_BYTES = 64 << 10
"""What a wire of limited speed passes on at once."""
BURST_SECONDS = 0.05
"""What a wire that was idle may catch up on: a sleep is never exact."""


class Pace:
    """The speed of one direction, which all connections share."""

    def __init__(self, bytes_per_second: float) -> None:
        self._bytes_per_second = bytes_per_second
        self._free_at, self._lock = 0.0, threading.Lock()

    def wait(self, count: int) -> None:
        """Wait until the bytes before these have passed."""
        with self._lock:
            begins = max(self._free_at, time.monotonic() - BURST_SECONDS)
            self._free_at = ends = begins + count / self._bytes_per_second
        time.sleep(max(0.0, ends - time.monotonic()))


class Wire:
    """Counts; several connections may be open at once."""

    def __init__(self, server: tuple[str, int], megabits: int | None = None) -> None:
        """`megabits` a second pass in each direction; None: as many as loopback lets through."""
        self.counted_bytes = 0
        self._paces = None if megabits is None else (Pace(megabits * 125_000), Pace(megabits * 125_000))
        self._server, self._lock = server, threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))

    @property
    def address(self) -> str:
        """Where clients connect instead of to the server."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def take_count(self) -> int:
        """The bytes since the last time."""
        with self._lock:
            counted, self.counted_bytes = self.counted_bytes, 0
        return counted

    def serve(self) -> None:
        """Pass on, until it is closed."""
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def close(self) -> None:
        """Connections that are open end with their clients."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _connect(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._server) as server:
            up, down = self._paces or (None, None)
            answers = threading.Thread(target=self._pass_on, args=(server, client, down), daemon=True)
            answers.start()
            self._pass_on(client, server, up)
            answers.join()

    def _pass_on(self, source: socket.socket, target: socket.socket, pace: Pace | None) -> None:
        out, into = os.pipe()
        most = PIECE_BYTES if pace is None else PACED_BYTES
        try:
            while count := os.splice(source.fileno(), into, most):
                if pace is not None:
                    pace.wait(count)
                with self._lock:
                    self.counted_bytes += count
                while count:
                    count -= os.splice(out, target.fileno(), count)
        except OSError:
            pass  # the other side has gone, which the client sees for itself
        finally:
            os.close(out)
            os.close(into)
            with contextlib.suppress(OSError):
                target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def counted(clouds_yaml: Path, glance: str, target: Path, megabits: int | None = None) -> Iterator[Wire]:
    """A wire to `glance`, as fast as `Wire` says; `target` becomes the clouds.yaml whose clients use it."""
    address = urlsplit(glance)
    wire = Wire((str(address.hostname), int(address.port or 80)), megabits)
    threading.Thread(target=wire.serve, daemon=True).start()
    document = json.loads(clouds_yaml.read_text(encoding="utf-8"))
    for cloud in document["clouds"].values():
        cloud["image_endpoint_override"] = wire.address
    target.touch(mode=0o600)
    target.write_text(json.dumps(document), encoding="utf-8")
    try:
        yield wire
    finally:
        wire.close()
