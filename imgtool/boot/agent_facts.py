"""What the agent's answers say, as far as they are what they should be. Pure.

The commands and their results: QEMU, qga/qapi-schema.json. All of it comes from the guest: each value is of
the type that it should be, short, and printable, or the fact is unknown.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from imgtool.model.boot import AgentFacts, GuestFilesystem, GuestInterface
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.text import printable

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
