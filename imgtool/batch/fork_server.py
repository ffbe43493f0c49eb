"""A process that has loaded everything, and forks one child for each image.

Loading imgtool and openstacksdk takes half a second of CPU time; a fork takes some milliseconds. Each child
still is a process with a session and limits of its own. The server has one thread, so that a fork copies no
lock that somebody holds.

It ends with the one who started it, and its children with it: the kernel kills them (prctl(2),
PR_SET_PDEATHSIG), whatever they are doing.
"""

import ctypes
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
from typing import Any

MAX_REQUEST_BYTES = 64 << 10
PASSED = 4
"""Descriptors that come with a request: the child's stdin, stdout, stderr, and the control socket; then may
come more, which the child keeps open for as long as it lives."""
MAX_PASSED = 8
STOP, KILL = b"T", b"K"
"""What the control socket says: end and clean up; end at once, which its closing says too."""

_PR_SET_PDEATHSIG = 1
_OOM_SCORE = "500"
"""The kernel, when it has no memory left, is to choose a child, and not the one that keeps the journal."""


@dataclass(slots=True)
class _Child:
    pid: int
    control: socket.socket


def serve(channel: socket.socket, run: Callable[[], int]) -> None:
    """Fork a child that calls `run` for each request that comes by `channel`, until that is closed.

    `run` gives the exit status. How the child ended is told on its control socket, as JSON: `status`
    (negative: the signal), `cpu_seconds` and `max_rss_bytes`.
    """
    gc.collect()
    gc.freeze()  # so that the children's collector leaves the shared pages alone
    _Server(channel, run).serve()


class _Server:
    def __init__(self, channel: socket.socket, run: Callable[[], int]) -> None:
        self._channel = channel
        self._run = run
        self._children: dict[int, _Child] = {}
        self._selector = selectors.DefaultSelector()

    def serve(self) -> None:
        """Until nobody asks any more."""
        woken, wake = os.pipe()
        os.set_blocking(woken, False)
        os.set_blocking(wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(ignored, signal.SIG_IGN)
        self._selector.register(woken, selectors.EVENT_READ, lambda: self._reap(woken))
        self._selector.register(self._channel, selectors.EVENT_READ, self._take)
        with suppress(_NobodyAsksError):
            while True:
                for key, _ in self._selector.select():
                    key.data()

    def _take(self) -> None:
        message, descriptors, _flags, _address = socket.recv_fds(
            self._channel, MAX_REQUEST_BYTES, MAX_PASSED
        )
        if not message:
            raise _NobodyAsksError
        pid = os.fork()
        if pid == 0:
            _become_child(json.loads(message), descriptors, self._run)
        control = socket.socket(fileno=descriptors[PASSED - 1])
        for descriptor in (*descriptors[: PASSED - 1], *descriptors[PASSED:]):
            os.close(descriptor)
        child = _Child(pid, control)
        self._children[pid] = child
        self._selector.register(control, selectors.EVENT_READ, lambda: self._obey(child))
        _tell(control, {"pid": pid})

    def _obey(self, child: _Child) -> None:
        with suppress(ConnectionError):
            said = child.control.recv(1)
            _signal_group(child.pid, signal.SIGTERM if said == STOP else signal.SIGKILL)
            if said:
                return
        self._selector.unregister(child.control)  # nobody listens any more; it is reaped all the same

    def _reap(self, woken: int) -> None:
        with suppress(BlockingIOError):
            os.read(woken, 4096)
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        with suppress(ChildProcessError):
            while (ended := os.waitid(os.P_ALL, 0, flags)) is not None:
                # While it is not reaped, the number of its group cannot be another's.
                _signal_group(ended.si_pid, signal.SIGKILL)
                self._bury(*os.wait4(ended.si_pid, 0))

    def _bury(self, pid: int, status: int, used: resource.struct_rusage) -> None:
        child = self._children.pop(pid, None)
        if child is None:
            return
        with suppress(KeyError):
            self._selector.unregister(child.control)
        _tell(child.control, {
            "status": os.waitstatus_to_exitcode(status),
            "cpu_seconds": used.ru_utime + used.ru_stime,
            "max_rss_bytes": used.ru_maxrss << 10,
        })  # fmt: skip
        child.control.close()


class _NobodyAsksError(Exception):
    pass


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


def _become_child(request: dict[str, Any], descriptors: list[int], run: Callable[[], int]) -> None:
    """Never comes back."""
    status = 70
    try:
        _leave_the_server(descriptors)
        _limit(request)
        status = run()
    except BaseException:  # noqa: BLE001 - what nobody caught goes to the one who reads stderr
        traceback.print_exc()
    finally:
        with suppress(OSError):
            sys.stderr.flush()
        os._exit(status)


def _leave_the_server(descriptors: list[int]) -> None:
    server = os.getppid()
    os.setsid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != server:  # it ended before the kernel was told
        os._exit(70)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, descriptor in enumerate(descriptors[: PASSED - 1]):
        os.dup2(descriptor, number)
    _close_all_but({0, 1, 2, *descriptors[PASSED:]})


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
