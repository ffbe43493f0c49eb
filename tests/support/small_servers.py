"""A pytest plugin: the server that sandboxes are forked from is small, as it is in imgtool itself.

A fork copies the tables of its parent's memory. pytest with all tests collected has some hundred MiB, and
each sandbox of its would take 80 ms in place of 13. So a process that has nothing but imgtool's sandbox
forks the servers. A test whose changes have to reach the sandbox uses the fixture `own_server`.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from imgtool import sandbox
from imgtool.sandbox import handle
from imgtool.sandbox.server import become_server
from imgtool.util.fork_server import ENDING_SIGNALS

FORK = handle._fork
"""Of this process."""
END_SECONDS = 10.0
_PROGRAM = """\
import sys
sys.path[:0] = sys.argv[2:]
from support.small_servers import serve
serve(int(sys.argv[1]))
"""


def serve(channel_descriptor: int) -> None:
    """Fork a server for each channel that comes, and say its process id, until nobody asks any more."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # they are reaped by themselves
    channel = socket.socket(fileno=channel_descriptor)
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
        if not message:
            return
        pid = os.fork()
        if pid == 0:
            become_server(descriptors[0], with_parent=False)
        os.close(descriptors[0])
        channel.send(str(pid).encode())


@dataclass(frozen=True)
class _Forker:
    """The process that forks servers, and our end of its channel."""

    channel: socket.socket
    process: "subprocess.Popen[bytes]"

    def fork(self, theirs: socket.socket) -> int:
        socket.send_fds(self.channel, [b"s"], [theirs.fileno()])
        return int(self.channel.recv(16))

    def end(self) -> None:
        self.channel.close()
        self.process.wait(END_SECONDS)


_FORKER = pytest.StashKey[_Forker]()


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Start the process that forks servers where tests are run, and let imgtool ask it."""
    if config.getoption("numprocesses", None):
        return  # xdist's workers run them
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        folders = [str(path) for path in config.getini("pythonpath")]
        command = [sys.executable, "-c", _PROGRAM, str(theirs.fileno()), *folders]
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
    config.stash[_FORKER] = _Forker(ours, process)
    handle._fork = config.stash[_FORKER].fork


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """End it before support.tidiness looks for what was left behind."""
    _end(session.config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """For a run that never became a session: bad arguments, --help."""
    _end(config)


def _end(config: pytest.Config) -> None:
    if forker := config.stash.get(_FORKER, None):
        sandbox.stop()
        forker.end()
        del config.stash[_FORKER]


@pytest.fixture
def own_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What sandboxes are forked from has what the test changes, and no other test's has."""
    sandbox.stop()
    monkeypatch.setattr(handle, "_fork", FORK)
    yield
    sandbox.stop()
