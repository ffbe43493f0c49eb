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

import pytest

from imgtool import sandbox
from imgtool.sandbox import handle
from imgtool.sandbox.server import become_server
from imgtool.util.fork_server import ENDING_SIGNALS

FORK = handle._fork
"""Of this process."""
_CHANNEL = pytest.StashKey[socket.socket]()
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


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Start the process that forks servers, and let imgtool ask it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        folders = [str(path) for path in config.getini("pythonpath")]
        command = [sys.executable, "-c", _PROGRAM, str(theirs.fileno()), *folders]
        subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
    config.stash[_CHANNEL] = ours

    def fork(theirs: socket.socket) -> int:
        socket.send_fds(ours, [b"s"], [theirs.fileno()])
        return int(ours.recv(16))

    handle._fork = fork


def pytest_unconfigure(config: pytest.Config) -> None:
    """With its channel it ends."""
    config.stash[_CHANNEL].close()


@pytest.fixture
def own_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What sandboxes are forked from has what the test changes, and no other test's has."""
    sandbox.stop()
    monkeypatch.setattr(handle, "_fork", FORK)
    yield
    sandbox.stop()
