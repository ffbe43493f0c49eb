"""qemu-guest-agent's protocol: JSON lines on a byte stream that nobody resets (docs/interop/qemu-ga-ref).

The other end is the guest's: it may send anything, or nothing.
"""

import json
import socket
from contextlib import suppress
from typing import Any, NoReturn

MAX_ANSWER_BYTES = 1 << 20
_SENTINEL = b"\xff"


class AgentError(Exception):
    """The agent refused, answered nonsense, or went away; the message says which, in part by its words."""


class AgentChannel:
    """Our end of the agent's channel, on a socket that does not block; who reads it calls `take`."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._received = bytearray()
        self._number = 0

    def greet(self) -> None:
        """Send a `guest-sync-delimited` of a new number: behind its answer the stream begins anew."""
        self._number += 1
        # The byte in front ends whatever the agent's own parser may have half read.
        self._send(_SENTINEL + _command("guest-sync-delimited", {"id": self._number}))

    def greeted(self) -> bool:
        """Whether the answer to the last greeting has come; what stands before it is thrown away."""
        while (end := self._received.find(b"\n")) >= 0:
            line = bytes(self._received[:end])
            del self._received[: end + 1]
            _, sentinel, answer = line.rpartition(_SENTINEL)
            if sentinel and _number_in(answer) == self._number:
                return True
        return False

    def ask(self, name: str) -> None:
        """Send a command without arguments."""
        self._send(_command(name))

    def answer(self) -> Any:
        """What the agent returned, None while it is not there yet. `{"return": null}` gives an empty dict.

        Raises AgentError.
        """
        line, newline, rest = self._received.partition(b"\n")
        if not newline:
            return None
        self._received = rest
        return _returned(bytes(line))

    def take(self, content: bytes) -> None:
        """What has come. Raises AgentError where it is too much."""
        self._received += content
        if len(self._received) > MAX_ANSWER_BYTES:
            self._received.clear()
            raise AgentError(f"it sent more than {MAX_ANSWER_BYTES} bytes without an end")

    def _send(self, content: bytes) -> None:
        """Whole or not at all: nobody reads while no agent runs, and then the buffer may be full."""
        with suppress(BlockingIOError, BrokenPipeError):
            self._connection.send(content)


def _command(name: str, arguments: dict[str, Any] | None = None) -> bytes:
    request = {"execute": name, **({"arguments": arguments} if arguments else {})}
    return json.dumps(request).encode() + b"\n"


def _number_in(answer: bytes) -> Any:
    with suppress(AgentError):
        number = _returned(answer)
        return number if type(number) is int else None
    return None


def _returned(line: bytes) -> Any:
    try:
        answer = json.loads(line.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise AgentError("its answer is no JSON") from error
    if not isinstance(answer, dict):
        raise AgentError("its answer is no JSON object")
    if "return" in answer:
        return {} if answer["return"] is None else answer["return"]
    problem = answer.get("error")
    description = problem.get("desc") if isinstance(problem, dict) else None
    raise AgentError(description[:200] if isinstance(description, str) else "its answer has no return value")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
