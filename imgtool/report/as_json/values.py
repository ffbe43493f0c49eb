"""JSON text, and how facts are taken apart for it."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from imgtool.model.facts import Fact, T, Unknown
from imgtool.util.text import escape_bytes

Object = dict[str, Any]

clean = escape_bytes
"""Lone surrogates are no valid JSON text."""

_SURROGATE = "\\ud"
"""In JSON text: one of a pair, or one alone, which is how Python reads a byte that is not UTF-8."""


def to_text(value: Mapping[str, Any]) -> str:
    """The JSON text, ASCII only: control characters are escaped.

    Bytes that are not UTF-8 become backslash escapes: strict readers refuse a lone surrogate.
    """
    text = json.dumps(value, indent=2, default=_unsupported)
    return text if _SURROGATE not in text else json.dumps(_cleaned(value), indent=2, default=_unsupported)


class Seen:
    """Takes facts apart: the value for its place, the reason or the evidence for the two maps."""

    def __init__(self) -> None:
        self.unknown: dict[str, str] = {}
        self.evidence: dict[str, str] = {}

    def value(self, key: str, fact: Fact[T], show: Callable[[T], Any] = lambda value: value) -> Any:
        """What stands at `key`: null where it is unknown."""
        if isinstance(fact, Unknown):
            self.unknown[key] = clean(fact.reason)
            return None
        self.evidence[key] = clean(fact.evidence)
        return show(fact.value)


def path_text(path: Path) -> str:
    """A path, as it can stand in JSON."""
    return clean(str(path))


def _cleaned(value: Any) -> Any:
    """`value` with `clean` done to every text in it."""
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(inner) for inner in value]
    return clean(value) if isinstance(value, str) else value


def _unsupported(value: object) -> str:
    raise TypeError(f"no JSON form for {type(value).__name__}")
