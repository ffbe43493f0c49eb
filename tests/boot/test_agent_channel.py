import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgtool.boot import agent
from imgtool.boot.agent import AgentChannel, AgentError


@dataclass
class Line:
    """A channel, and the guest's end of it."""

    channel: AgentChannel
    ours: socket.socket
    guest: socket.socket

    def heard(self) -> bytes:
        return self.guest.recv(1 << 16)

    def says(self, content: bytes) -> None:
        self.guest.sendall(content)
        self.channel.take(self.ours.recv(1 << 21))


@pytest.fixture
def line() -> Iterator[Line]:
    ours, guest = socket.socketpair()
    with ours, guest:
        ours.setblocking(False)
        yield Line(AgentChannel(ours), ours, guest)


def test_a_greeting_is_delimited_and_has_a_new_number(line: Line) -> None:
    for number in (1, 2):
        line.channel.greet()
        heard = line.heard()
        assert heard.startswith(b"\xff")
        request = {"execute": "guest-sync-delimited", "arguments": {"id": number}}
        assert json.loads(heard[1:]) == request


def test_what_stands_before_the_answer_to_the_greeting_is_thrown_away(line: Line) -> None:
    line.channel.greet()
    line.channel.greet()
    line.says(b'half an answer"}\n{"return": 1}\n\xff{"return": 1}\nmore \xff{"return": 2}\n{"return": {}}\n')
    assert line.channel.greeted()
    assert line.channel.answer() == {}


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b'\xff{"return": 1}',
        b'{"return": 1}\n',
        b'\xff{"return": 7}\n',
        b'\xff{"return": true}\n',
        b'\xff{"return": 1.0}\n',
        b'\xff{"error": {"desc": "no"}}\n',
        b"\xff\xff\n",
    ],
    ids=repr,
)
def test_nothing_else_is_an_answer_to_the_greeting(said: bytes, line: Line) -> None:
    line.channel.greet()
    if said:
        line.says(said)
    assert not line.channel.greeted()


def test_an_answer_comes_in_pieces(line: Line) -> None:
    line.channel.ask("guest-info")
    assert json.loads(line.heard()) == {"execute": "guest-info"}
    line.says(b'{"return": {"version"')
    assert line.channel.answer() is None
    line.says(b': "7.2.22"}}\n')
    assert line.channel.answer() == {"version": "7.2.22"}


def test_nothing_returned_is_an_answer(line: Line) -> None:
    line.says(b'{"return": null}\n')
    assert line.channel.answer() == {}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b'{"error": {"class": "CommandNotFound", "desc": "it is disabled"}}\n', "it is disabled"),
        (b'{"error": {"desc": 5}}\n', "no return value"),
        (b'{"error": "no"}\n', "no return value"),
        (b"{}\n", "no return value"),
        (b"[]\n", "no JSON object"),
        (b"\n", "no JSON"),
        (b"\xff\xfe\n", "no JSON"),
        (b'{"return": NaN}\n', "no JSON"),
        (b'{"return": -Infinity}\n', "no JSON"),
        (b'{"return": ' + b"9" * 5000 + b"}\n", "no JSON"),
        (b"[" * 200_000 + b"\n", "no JSON"),
        (b'{"a":' * 100_000 + b"\n", "no JSON"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_hostile_answer_is_an_error(said: bytes, reason: str, line: Line) -> None:
    line.channel.take(said)
    with pytest.raises(AgentError, match=reason):
        line.channel.answer()


def test_an_answer_without_an_end_is_an_error_and_takes_no_room(line: Line) -> None:
    with pytest.raises(AgentError, match="without an end"):
        for _ in range(agent.MAX_ANSWER_BYTES // 1000 + 2):
            line.channel.take(b"x" * 1000)
    assert line.channel.answer() is None


def test_sending_never_waits_for_a_guest_that_does_not_read(line: Line) -> None:
    for _ in range(20_000):
        line.channel.greet()


def test_a_guest_that_went_away_is_no_error(line: Line) -> None:
    line.guest.close()
    line.channel.greet()
    assert not line.channel.greeted()


@given(st.binary(max_size=2000))
def test_whatever_comes_is_an_answer_or_an_agent_error(content: bytes) -> None:
    ours, guest = socket.socketpair()
    with ours, guest:
        channel = AgentChannel(ours)
        channel.take(content + b"\n")
        channel.greeted()
        with suppress(AgentError):
            channel.answer()
