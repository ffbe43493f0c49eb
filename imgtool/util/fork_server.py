"""A process that forks children for another one, and what the two say to each other.

A request comes by the server's channel: JSON, and open descriptors. The first of these is the server's end of
the child's control socket. By that the server tells `{"pid"}`, with a descriptor of the process, or
`{"failure"}` where there is no child, and `{"status"}` when it has ended (negative: the signal). The other
end may say STOP and KILL; when it is closed, the child is killed.

A request without descriptors is for later: the server prepares for it, and tells nothing.

The server has one thread, so that a fork copies no lock that somebody holds. It ends when its channel is
closed, and kills its children first.
"""

import json
import os
import selectors
import signal
import socket
from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

Message = Mapping[str, Any]

MAX_REQUEST_BYTES = 64 << 10
MAX_PASSED = 16
"""Descriptors that come with a request."""
STOP, KILL = b"T", b"K"
"""End and clean up; end at once."""
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""A server ignores them: whoever asks it for children decides when they end."""


def request(channel: socket.socket, message: Message, descriptors: Sequence[int]) -> socket.socket:
    """Ask for a child that gets `descriptors`; return our end of its control socket. Raises OSError."""
    ours, theirs = socket.socketpair()  # a stream: what was told is read before the other end's closing is
    with theirs:
        try:
            socket.send_fds(channel, [json.dumps(message).encode()], [theirs.fileno(), *descriptors])
        except BaseException:
            ours.close()
            raise
    return ours


def hear(control: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Return what the server tells next, and the descriptors that come with it. Raises OSError, ValueError.

    Nothing that follows descriptors is read together with them (unix(7)).
    """
    content, descriptors, _, _ = socket.recv_fds(control, MAX_REQUEST_BYTES, 1)
    while not content.endswith(b"\n"):
        more = control.recv(MAX_REQUEST_BYTES)
        if not more:
            raise ConnectionResetError
        content += more
    return json.loads(content), descriptors


def close_all_but(kept: Container[int]) -> None:
    """Close all other descriptors of this process: those of other children have to end with their owners."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - numbers
        if int(name) not in kept:
            with suppress(OSError):  # the one by which they were listed is closed already
                os.close(int(name))


@dataclass(frozen=True, slots=True)
class _Child:
    pid: int
    process: int
    """A descriptor of it (pidfd_open(2)), which can be read when it has ended."""
    control: socket.socket


class ForkServer:
    """The server's side: a kind of server says what its children are."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._children: dict[int, _Child] = {}
        self._selector = selectors.PollSelector()  # epoll would be one more file that children inherit
        self._is_asked = True

    def prepare(self, message: Message) -> None:
        """Load what the child will need, before it is forked. What is raised becomes its `failure`."""

    def become_child(self, server: int, message: Message, descriptors: Sequence[int]) -> NoReturn:
        """Be the child of the process `server`, and end. ENDING_SIGNALS are ignored, and blocked so far."""
        raise NotImplementedError

    def failure(self, error: Exception) -> object:
        """Return what to tell where `error` was raised in place of a fork, as JSON takes it."""
        return getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"

    def serve(self) -> None:
        """Serve requests until the channel is closed."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number in ENDING_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)
        self._selector.register(self._channel, selectors.EVENT_READ, self._take)
        while self._is_asked:
            for key, _ in self._selector.select():
                key.data()
        for child in self._children.values():
            _signal_group(child.pid, signal.SIGKILL)

    def _take(self) -> None:
        content, descriptors, _, _ = socket.recv_fds(self._channel, MAX_REQUEST_BYTES, MAX_PASSED)
        if not content:
            self._is_asked = False
        elif descriptors:
            control = socket.socket(fileno=descriptors[0])
            try:
                self._begin(json.loads(content), control, descriptors[1:])
            finally:
                for descriptor in descriptors[1:]:
                    os.close(descriptor)
        else:
            with suppress(Exception):  # it is told to whoever asks for a child
                self.prepare(json.loads(content))

    def _begin(self, message: Message, control: socket.socket, descriptors: Sequence[int]) -> None:
        try:
            self.prepare(message)
            child = _Child(*self._fork(message, descriptors), control)
        except Exception as error:
            _tell(control, {"failure": self.failure(error)})
            control.close()
            return
        self._children[child.pid] = child
        self._selector.register(child.process, selectors.EVENT_READ, lambda: self._bury(child))
        self._selector.register(control, selectors.EVENT_READ, lambda: self._obey(child))
        _tell(control, {"pid": child.pid}, [child.process])

    def _fork(self, message: Message, descriptors: Sequence[int]) -> tuple[int, int]:
        """Return the child's number and a descriptor of it.

        A signal that comes too early for the child waits, until that no longer ignores it.
        """
        server = os.getpid()
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
        try:
            pid = os.fork()
            if pid == 0:
                self.become_child(server, message, descriptors)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)
        try:
            return pid, os.pidfd_open(pid)
        except OSError:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise

    def _obey(self, child: _Child) -> None:
        if self._children.get(child.pid) is not child:  # it was buried a moment ago
            return
        said = b""
        with suppress(ConnectionError):
            said = child.control.recv(1)
        _signal_group(child.pid, signal.SIGTERM if said == STOP else signal.SIGKILL)
        if not said:
            self._selector.unregister(child.control)  # nobody listens any more; it is reaped all the same

    def _bury(self, child: _Child) -> None:
        # While it is not reaped, the number of its group cannot be another's.
        _signal_group(child.pid, signal.SIGKILL)
        _, status = os.waitpid(child.pid, 0)
        del self._children[child.pid]
        self._selector.unregister(child.process)
        os.close(child.process)
        with suppress(KeyError):
            self._selector.unregister(child.control)
        _tell(child.control, {"status": os.waitstatus_to_exitcode(status)})
        child.control.close()


def _tell(control: socket.socket, message: Message, descriptors: Sequence[int] = ()) -> None:
    """Tell one line, to whoever may not listen any more."""
    with suppress(OSError):
        socket.send_fds(control, [json.dumps(message).encode() + b"\n"], descriptors)


def _signal_group(leader: int, number: int) -> None:
    """Signal the child's own group; before it has made one, or where it makes none, the child alone."""
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        with suppress(ProcessLookupError):
            os.kill(leader, number)
