"""How cloud-init merges mappings: what stands first stays, unless the mapping says otherwise by `merge_how`.

Source: cloudinit/mergers (m_dict.py, m_list.py, m_str.py) and util.mergemanydict; "Merging user data
sections" in cloud-init's documentation. Odd but so: a text or a list gives way to a mapping.
"""

import re
from collections.abc import Iterable

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.yaml_values import Scalar, Value

MAX_LEVELS = 100
MAX_MERGES = 50_000
"""Of two values; aliases can make many of few lines."""

_MERGER = re.compile(r"([a-z_][a-z0-9_]{0,40})\(([^()]{0,200})\)")

Options = dict[str, frozenset[str]]
"""By the type that is merged (`dict`, `list`, `str`) the words in its brackets."""

LIST_METHODS = ("append", "prepend", "replace", "no_replace")
DEFAULT: Options = {"list": frozenset(), "dict": frozenset(), "str": frozenset()}


def merged(sources: Iterable[dict[Scalar, Value]]) -> dict[Scalar, Value]:
    """All of `sources`, the first of which counts most. Raises ValueError where cloud-init fails."""
    result: Value = {}
    for source in sources:
        if source:
            options, rest = _options(source)
            result = _Merger(options).merge(result, rest, 0)
    return result if isinstance(result, dict) else {}


def _options(source: dict[Scalar, Value]) -> tuple[Options, dict[Scalar, Value]]:
    """What `merge_how`, or else `merge_type`, asks for, and the mapping without it."""
    key = next((name for name in ("merge_how", "merge_type") if source.get(name) is not None), None)
    rest = {name: value for name, value in source.items() if name not in {"merge_how", key}}
    if key is None:
        return DEFAULT, rest
    raw = source[key]
    found: Options = {}
    for name, words in _of_text(raw) if isinstance(raw, str) else _of_list(raw):
        bare = name.removeprefix("m_")
        if bare not in DEFAULT:
            raise ValueError(f"{key}: no merger {bare}")
        found.setdefault(bare, frozenset(words))
    return found or DEFAULT, rest


def _of_text(text: str) -> Iterable[tuple[str, list[str]]]:
    for part in text.split("+"):
        name = part.strip().lower().replace("-", "_")
        if not name:
            continue
        found = _MERGER.fullmatch(name)
        if found is None:
            raise ValueError(f"{part!r} is not in the form of a merger")
        yield found[1], [word.strip() for word in found[2].split(",") if word.strip()]


def _of_list(raw: Value) -> Iterable[tuple[str, list[str]]]:
    for item in raw if isinstance(raw, list) else []:
        if isinstance(item, dict):
            settings = item.get("settings")
            yield (
                str(item.get("name")),
                [str(word) for word in settings] if isinstance(settings, list) else [],
            )
        elif isinstance(item, list) and item:
            yield str(item[0]), [str(word) for word in item[1:]]


class _Merger:
    def __init__(self, options: Options) -> None:
        self._options = options
        self._merges = 0

    def merge(self, old: Value, new: Value, level: int) -> Value:
        self._merges += 1
        if level > MAX_LEVELS or self._merges > MAX_MERGES:
            raise GuestReadError("cloud-init's configuration: more mappings in mappings than are followed")
        if isinstance(old, dict) and "dict" in self._options:
            return self._dicts(old, new, level) if isinstance(new, dict) else old
        if isinstance(old, list) and "list" in self._options:
            return self._lists(old, new, level)
        if isinstance(old, str) and "str" in self._options:
            return self._texts(old, new)
        return old

    def _texts(self, old: str, new: Value) -> Value:
        if "append" not in self._options["str"]:
            return new
        if not isinstance(new, str):
            raise ValueError("a text is merged with what is none")  # noqa: TRY004 - of the guest
        return old + new

    def _dicts(self, old: dict[Scalar, Value], new: dict[Scalar, Value], level: int) -> Value:
        words = self._options["dict"]
        result = dict(old)
        for key, value in new.items():
            if key not in result:
                result[key] = value
            elif value is None and "allow_delete" in words:
                del result[key]
            elif "replace" in words:
                result[key] = value
            elif _recurses(value, words, plain_dicts=True):
                result[key] = self.merge(result[key], value, level + 1)
        return result

    def _lists(self, old: list[Value], new: Value, level: int) -> Value:
        words = self._options["list"]
        method = next((name for name in LIST_METHODS if name in words), "replace")
        if not isinstance(new, list):
            if method == "replace":
                return new
            if method == "no_replace" or not isinstance(new, dict):
                raise ValueError("a list is merged with what is none")
            new = list(new)
        if method == "append":
            return [*old, *new]
        if method == "prepend":
            return [*new, *old]
        return old if method == "no_replace" else self._by_index(old, new, words, level)

    def _by_index(self, old: list[Value], new: list[Value], words: frozenset[str], level: int) -> Value:
        result = list(old)
        for index, value in enumerate(new[: len(old)]):
            recurses = _recurses(value, words, plain_dicts="recurse_dict" in words)
            result[index] = self.merge(old[index], value, level + 1) if recurses else value
        return result


def _recurses(value: Value, words: frozenset[str], *, plain_dicts: bool) -> bool:
    if isinstance(value, list):
        return not words.isdisjoint({"recurse_array", "recurse_list"})
    if isinstance(value, str):
        return "recurse_str" in words
    return isinstance(value, dict) and plain_dicts
