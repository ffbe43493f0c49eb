"""qemu-guest-agent, over its channel, and what its answers say.

The protocol: JSON lines on a byte stream that nobody resets (docs/interop/qemu-ga-ref). The commands and
their results: QEMU, qga/qapi-schema.json. The other end is the guest's, which may send anything, or nothing:
each value is of the type that it should be, short, and printable, or the fact is unknown.
"""

import json
import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

from imgtool.model.boot import AgentFacts, GuestFilesystem, GuestInterface
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.util.text import printable

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


COMMANDS = (
    "guest-info",
    "guest-get-osinfo",
    "guest-get-host-name",
    "guest-network-get-interfaces",
    "guest-get-fsinfo",
    "guest-fsfreeze-status",
)
"""What is asked, in this order."""

MAX_ENTRIES = 256
MAX_TEXT_CHARACTERS = 256
MAX_NUMBER = 1 << 63

T = TypeVar("T")
Answers = Mapping[str, Any | Unknown]
"""By command: what it returned, or why it did not."""


class _NonsenseError(Exception):
    """A value is not what the schema says."""


def read(answers: Answers) -> AgentFacts:
    """The facts in these answers; what is missing or nonsense is unknown, with the reason."""
    return AgentFacts(
        version=_fact(answers, "guest-info", lambda found: _text(found, "version")),
        disabled_rpcs=_fact(answers, "guest-info", _disabled),
        os_id=_fact(answers, "guest-get-osinfo", lambda found: _text(found, "id")),
        os_version=_fact(answers, "guest-get-osinfo", lambda found: _text(found, "version-id")),
        kernel_release=_fact(answers, "guest-get-osinfo", lambda found: _text(found, "kernel-release")),
        hostname=_fact(answers, "guest-get-host-name", lambda found: _text(found, "host-name")),
        interfaces=_fact(answers, "guest-network-get-interfaces", _interfaces),
        filesystems=_fact(answers, "guest-get-fsinfo", _filesystems),
        fsfreeze_status=_fact(answers, "guest-fsfreeze-status", _as_text),
    )


def _fact(answers: Answers, command: str, reader: Callable[[Any], T]) -> Fact[T]:
    answer = answers.get(command, Unknown(f"{command} was not asked"))
    if isinstance(answer, Unknown):
        return answer
    try:
        return Known(reader(answer), command)
    except _NonsenseError as error:
        return Unknown(f"{command}: {error}")


def _disabled(info: Any) -> tuple[str, ...]:
    commands = _entries(_member(info, "supported_commands"))
    return tuple(sorted(_text(one, "name") for one in commands if _member(one, "enabled") is False))


def _interfaces(answer: Any) -> tuple[GuestInterface, ...]:
    return tuple(
        GuestInterface(
            name=_text(one, "name"),
            mac=_text(one, "hardware-address") if "hardware-address" in one else None,
            addresses=tuple(_address(found) for found in _entries(one.get("ip-addresses", []))),
        )
        for one in _entries(answer)
    )


def _address(found: Any) -> str:
    return f"{_text(found, 'ip-address')}/{_number(found, 'prefix')}"


def _filesystems(answer: Any) -> tuple[GuestFilesystem, ...]:
    return tuple(
        GuestFilesystem(
            device=_text(one, "name"),
            mountpoint=_text(one, "mountpoint"),
            type=_text(one, "type"),
            total_bytes=_number(one, "total-bytes") if "total-bytes" in one else None,
            used_bytes=_number(one, "used-bytes") if "used-bytes" in one else None,
        )
        for one in _entries(answer)
    )


def _entries(value: Any) -> Iterable[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise _NonsenseError("no list of objects")
    if len(value) > MAX_ENTRIES:
        raise _NonsenseError(f"more than {MAX_ENTRIES} entries")
    return value


def _member(value: Any, key: str) -> Any:
    if not isinstance(value, dict) or key not in value:
        raise _NonsenseError(f"it has no {key}")
    return value[key]


def _text(value: Any, key: str) -> str:
    return _as_text(_member(value, key), key)


def _as_text(value: Any, key: str = "its answer") -> str:
    if not isinstance(value, str):
        raise _NonsenseError(f"{key} is no text")
    return printable(value[:MAX_TEXT_CHARACTERS])


def _number(value: Any, key: str) -> int:
    found = _member(value, key)
    if type(found) is not int or not 0 <= found < MAX_NUMBER:
        raise _NonsenseError(f"{key} is no size")
    return found
