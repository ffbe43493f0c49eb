"""A process that has loaded everything, and forks one child for each image.

Loading imgtool and openstacksdk takes half a second of CPU time; a fork takes some milliseconds. Each child
still is a process with a session and limits of its own. The server has one thread, so that a fork copies no
lock that somebody holds.

It ends with the one who started it, and its children with it: the kernel kills them (prctl(2),
PR_SET_PDEATHSIG), whatever they are doing.


The first steps of a forked child: out of the server, into a session and limits of its own."""

import gc
import json
import os
import resource
import selectors
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

from imgtool.errors import EXIT_BUG
from imgtool.sandbox import kernel
from imgtool.util.redaction import redact, secrets_of

MAX_REQUEST_BYTES = 16 << 10
MAX_PASSED = 8
"""Descriptors that come with a request: the control socket, the child's stdin, stdout and stderr; then what
the child is to keep open for as long as it lives."""
STOP, KILL = b"T", b"K"
"""What the control socket says: end and clean up; end at once, which its closing says too."""


@dataclass(frozen=True, slots=True)
class _Child:
    pid: int
    control: socket.socket


def serve(channel: socket.socket, run: Callable[[], int]) -> None:
    """Fork a child that calls `run` for each request that comes by `channel`, until that is closed.

    `run` gives the exit status. The control socket tells in lines of JSON first the `pid` (or the `error`,
    where there could be no child), and at the end `status` (negative: the signal).
    """
    gc.collect()
    gc.freeze()  # so that the children's collector leaves the shared pages alone
    _Server(channel, run).serve()


class _NobodyAsksError(Exception):
    pass


class _Server:
    def __init__(self, channel: socket.socket, run: Callable[[], int]) -> None:
        self._channel = channel
        self._run = run
        self._children: dict[int, _Child] = {}
        self._selector = selectors.DefaultSelector()

    def serve(self) -> None:
        """Serve requests until the parent closes the channel."""
        woken, wake = os.pipe()
        os.set_blocking(woken, False)
        os.set_blocking(wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for number in ENDING_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        self._selector.register(woken, selectors.EVENT_READ, lambda: self._reap(woken))
        self._selector.register(self._channel, selectors.EVENT_READ, self._take)
        with suppress(_NobodyAsksError):
            while True:
                for key, _ in self._selector.select():
                    key.data()

    def _take(self) -> None:
        message, descriptors, _, _ = socket.recv_fds(self._channel, MAX_REQUEST_BYTES, MAX_PASSED)
        if not message:
            raise _NobodyAsksError
        control = socket.socket(fileno=descriptors[0])
        try:
            pid = self._fork(json.loads(message), descriptors[1:])
        except OSError as error:
            _tell(control, {"error": error.strerror})
            control.close()
            return
        finally:
            for descriptor in descriptors[1:]:
                os.close(descriptor)
        child = _Child(pid, control)
        self._children[pid] = child
        self._selector.register(control, selectors.EVENT_READ, lambda: self._obey(child))
        _tell(control, {"pid": pid})

    def _fork(self, request: dict[str, Any], descriptors: list[int]) -> int:
        """A signal that comes too early for the child waits, until it no longer ignores it."""
        server = os.getpid()
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
        try:
            pid = os.fork()
            if pid == 0:
                become_child(server, request, descriptors, self._run)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)
        return pid

    def _obey(self, child: _Child) -> None:
        said = b""
        with suppress(ConnectionError):
            said = child.control.recv(1)
        _signal_group(child.pid, signal.SIGTERM if said == STOP else signal.SIGKILL)
        if not said:
            self._selector.unregister(child.control)  # nobody listens any more; it is reaped all the same

    def _reap(self, woken: int) -> None:
        with suppress(BlockingIOError):
            os.read(woken, 4096)
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        with suppress(ChildProcessError):
            while (ended := os.waitid(os.P_ALL, 0, flags)) is not None:
                # While it is not reaped, the number of its group cannot be another's.
                _signal_group(ended.si_pid, signal.SIGKILL)
                self._bury(*os.waitpid(ended.si_pid, 0))

    def _bury(self, pid: int, status: int) -> None:
        child = self._children.pop(pid, None)
        if child is None:
            return
        with suppress(KeyError):
            self._selector.unregister(child.control)
        _tell(child.control, {"status": os.waitstatus_to_exitcode(status)})
        child.control.close()


def _tell(control: socket.socket, message: dict[str, Any]) -> None:
    with suppress(OSError):  # of one that does not listen any more
        control.sendall(json.dumps(message).encode() + b"\n")


def _signal_group(leader: int, number: int) -> None:
    """The child's own group; before it has made that, the child alone."""
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        with suppress(ProcessLookupError):
            os.kill(leader, number)


STREAMS = 3
"""stdin, stdout, stderr: the first descriptors that come with a request."""
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_OOM_SCORE = "500"
"""The kernel, when it has no memory left, is to choose a child, and not the one that keeps the journal."""


def become_child(
    server: int, request: dict[str, Any], descriptors: list[int], run: Callable[[], int]
) -> NoReturn:
    """Call `run` and end with its status. `descriptors`: the streams, then what is only kept open.

    `request` has `environment`, to be added, and `address_space_bytes`, the limit (RLIMIT_AS).
    """
    status = EXIT_BUG
    try:
        _leave(server, descriptors)
        _limit(request)
        status = run()
    except BaseException:
        sys.stderr.write(redact(traceback.format_exc(), secrets_of(os.environ)))
    finally:
        with suppress(OSError):
            sys.stderr.flush()
        os._exit(status)


def _leave(server: int, descriptors: list[int]) -> None:
    os.setsid()
    kernel.die_with_parent(signal.SIGKILL)
    if os.getppid() != server:  # it ended before the kernel was told
        os._exit(EXIT_BUG)
    signal.set_wakeup_fd(-1)
    for number in (*ENDING_SIGNALS, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    for stream, descriptor in enumerate(descriptors[:STREAMS]):
        os.dup2(descriptor, stream)
    _close_all_but({0, 1, 2, *descriptors[STREAMS:]})
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)


def _close_all_but(kept: set[int]) -> None:
    """Other children's sockets above all: they have to be closed when their owners close them."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - numbers
        if int(name) not in kept:
            with suppress(OSError):
                os.close(int(name))


def _limit(request: dict[str, Any]) -> None:
    os.environ.update(request["environment"])
    tempfile.tempdir = None  # it was found out for the server
    limit = request["address_space_bytes"]
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:  # noqa: PTH123
        score.write(_OOM_SCORE)
