"""The parent's end of the fork server: starts it when the first child is wanted, and asks it for children."""

import os
import socket
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from queue import Queue
from threading import Lock, Thread
from typing import IO

from imgtool.errors import ImgtoolError, ToolFailedError
from imgtool.process.programs import start_service
from imgtool.util import fork_server
from imgtool.util.fork_server import Message
from imgtool.util.text import last_line

PROGRAM = "imgtool.cli.batch_worker"
ENDING_SECONDS = 1.0
"""How long to wait for the end of a server whose child was lost."""
_KEPT_ERROR_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Request:
    """What to start in the child."""

    stdin: bytes
    address_space_bytes: int
    environment: Mapping[str, str]
    """Beside the parent's."""
    kept_open: Sequence[int] = ()
    """Descriptors of this process, which stay open in the child."""


class Child:
    """The parent's ends of a child's output and of its control socket. Closed, the child is killed."""

    def __init__(self, stdout: int, stderr: int, control: socket.socket) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self.control = control

    def send(self, word: bytes) -> None:
        """Say STOP or KILL."""
        with suppress(OSError):  # it has ended
            self.control.send(word)

    def close(self) -> None:
        """Kill what still runs."""
        self.control.close()
        os.close(self.stdout)
        os.close(self.stderr)


class Forks:
    """One fork server, for all threads of this process; started anew where it ended unasked."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._channel: socket.socket | None = None
        self._keeper: Thread | None = None
        self._last_words = ""

    def start(self, request: Request) -> Child:
        """A new child. Raises ToolMissingError, ToolFailedError."""
        with ExitStack() as passed, ExitStack() as ours:
            stdout, child_stdout = _pipe(ours, passed)
            stderr, child_stderr = _pipe(ours, passed)
            stdin = passed.enter_context(_memory_file(request.stdin))
            message = {
                "environment": dict(request.environment),
                "address_space_bytes": request.address_space_bytes,
            }
            descriptors = [stdin.fileno(), child_stdout, child_stderr, *request.kept_open]
            control = self._send(message, descriptors)
            ours.pop_all()
            return Child(stdout, stderr, control)

    def last_words(self) -> str:
        """The last line that the server wrote on stderr before it ended; empty where it still runs."""
        if self._keeper is not None:
            self._keeper.join(ENDING_SECONDS)
        return self._last_words

    def close(self) -> None:
        """End the server, and kill its children."""
        with self._lock:
            if self._channel is not None:
                self._channel.close()
                self._channel = None
        if self._keeper is not None:
            self._keeper.join()

    def _send(self, message: Message, descriptors: list[int]) -> socket.socket:
        with self._lock:
            if self._channel is not None:
                with suppress(ConnectionError):
                    return fork_server.request(self._channel, message, descriptors)
                self._channel.close()
            self._channel = self._started()
            return fork_server.request(self._channel, message, descriptors)

    def _started(self) -> socket.socket:
        """Kept by a thread of its own: the kernel ends the server with the thread that started it."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with tempfile.TemporaryFile() as errors, theirs:
            starting: Queue[ImgtoolError | None] = Queue()
            arguments = (theirs.fileno(), os.dup(errors.fileno()), starting)
            self._keeper = Thread(target=self._keep, args=arguments, daemon=True)
            self._keeper.start()
            failure = starting.get()
        if failure is not None:
            ours.close()
            raise failure
        return ours

    def _keep(self, channel: int, errors: int, starting: "Queue[ImgtoolError | None]") -> None:
        with os.fdopen(errors, "rb") as words:
            try:
                server = start_service([sys.executable, "-P", "-m", PROGRAM], channel, errors)
            except ImgtoolError as error:
                starting.put(error)
                return
            except OSError as error:
                starting.put(ToolFailedError(f"cannot start a process for the images: {error.strerror}"))
                return
            starting.put(None)
            server.wait()
            size = words.seek(0, os.SEEK_END)
            words.seek(max(size - _KEPT_ERROR_BYTES, 0))
            self._last_words = last_line(words.read())


def _pipe(ours: ExitStack, passed: ExitStack) -> tuple[int, int]:
    reading, writing = os.pipe()
    ours.callback(os.close, reading)
    passed.callback(os.close, writing)
    return reading, writing


def _memory_file(content: bytes) -> IO[bytes]:
    """A memfd with `content`, positioned at its start."""
    file = os.fdopen(os.memfd_create("imgtool-task"), "w+b", buffering=0)
    file.write(content)
    file.seek(0)
    return file
