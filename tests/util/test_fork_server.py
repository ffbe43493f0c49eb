"""A server of processes, and who asks it for them: what is told, and that nothing is left."""

import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn

import pytest
from support.processes import runs, wait_for

from imgtool.util import fork_server
from imgtool.util.fork_server import KILL, STOP, ForkServer, Message

Ask = Callable[..., socket.socket]


class Sleepers(ForkServer):
    """Its children tell their number and sleep, or end with the status that the request has."""

    def prepare(self, message: Message) -> None:
        if message.get("broken"):
            raise ValueError("it is broken " + "x" * 100_000)

    def become_child(self, server: int, message: Message, descriptors: Sequence[int]) -> NoReturn:
        assert os.getppid() == server
        for number in fork_server.ENDING_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, fork_server.ENDING_SIGNALS)
        for descriptor in descriptors:
            os.write(descriptor, b"x")
        if "status" in message:
            os._exit(message["status"])
        while True:
            signal.pause()


@pytest.fixture
def channel() -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        try:
            fork_server.close_all_but({0, 1, 2, theirs.fileno()})
            Sleepers(theirs).serve()
        finally:
            os._exit(0)
    theirs.close()
    with ours:
        yield ours
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def begun(control: socket.socket) -> int:
    message, descriptors = fork_server.hear(control)
    for one in descriptors:
        os.close(one)
    return int(message["pid"])


def test_it_tells_that_a_child_began_and_how_it_ended(channel: socket.socket) -> None:
    with fork_server.request(channel, {"status": 7}, []) as control:
        message, descriptors = fork_server.hear(control)
        assert message["pid"] > 0
        assert len(descriptors) == 1, "of the process, and nothing that follows is read with it"
        os.close(descriptors[0])
        assert fork_server.hear(control) == ({"status": 7}, [])
        with pytest.raises(ConnectionResetError):
            fork_server.hear(control)


@pytest.mark.parametrize(("word", "number"), [(STOP, signal.SIGTERM), (KILL, signal.SIGKILL)])
def test_a_child_is_ended_on_demand(channel: socket.socket, word: bytes, number: int) -> None:
    with fork_server.request(channel, {}, []) as control:
        begun(control)
        control.send(word)
        assert fork_server.hear(control)[0] == {"status": -number}


def test_one_that_is_told_to_end_while_it_ends_is_told_of_all_the_same(channel: socket.socket) -> None:
    for _ in range(50):
        with fork_server.request(channel, {"status": 0}, []) as control:
            for _ in range(10):
                control.send(KILL)
            begun(control)
            assert fork_server.hear(control)[0]["status"] in {0, -signal.SIGKILL}


def test_one_whose_control_is_closed_is_killed(channel: socket.socket) -> None:
    reading, writing = os.pipe()
    with fork_server.request(channel, {}, [writing]) as control:
        os.close(writing)
        begun(control)
        assert os.read(reading, 1) == b"x"
    assert os.read(reading, 1) == b"", "its end of the pipe is closed, so that it has ended"
    os.close(reading)


def test_all_children_end_with_the_channel(channel: socket.socket) -> None:
    controls = [fork_server.request(channel, {}, []) for _ in range(3)]
    pids = list(map(begun, controls))
    channel.shutdown(socket.SHUT_RDWR)
    wait_for(lambda: not any(map(runs, pids)))
    for control in controls:
        control.close()


def test_why_there_is_no_child_is_told_however_long_it_is(channel: socket.socket) -> None:
    with fork_server.request(channel, {"broken": True}, []) as control:
        message, descriptors = fork_server.hear(control)
    assert descriptors == []
    assert message["failure"].startswith("ValueError: it is broken xxx")
    assert len(message["failure"]) > 100_000


def test_what_cannot_be_prepared_beforehand_ends_nothing(channel: socket.socket) -> None:
    channel.send(b'{"broken": true}')
    with fork_server.request(channel, {"status": 0}, []) as control:
        assert begun(control) > 0
