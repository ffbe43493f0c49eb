"""The values of hostile YAML, as PyYAML's safe loader makes them, within bounds.

Source: PyYAML's constructor.py. Aliases stay references, so nothing is multiplied; merge keys (`<<`) are
counted before they are followed. What nobody here asks for comes out as nothing: dates, binary data, sets.
"""

import datetime
import re
from typing import TYPE_CHECKING

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.yaml_nodes import InvalidYamlError, yaml_root
from imgtool.util.text import printable

if TYPE_CHECKING:
    from yaml.nodes import MappingNode, Node, ScalarNode

MAX_PAIRS = 20_000
"""Of one mapping, with all that merge keys bring."""
MAX_MERGES = 5000
"""Mappings that merge keys bring, in one document."""
MAX_LEVELS = 200
"""With aliases, which may lead deeper than the text does."""

MAX_PARTS = 10
"""Of a number with colons in it."""

Scalar = str | int | float | bool | None
Value = Scalar | list["Value"] | dict[Scalar, "Value"]

_TAG = "tag:yaml.org,2002:"
_BOOLEANS = {"yes": True, "no": False, "true": True, "false": False, "on": True, "off": False}
_PLAIN_TAGS = frozenset({"str", "value"})
_INTEGER = re.compile(r"[-+]?(?:0b[01]+|0x[0-9a-f]+|[0-9]{1,300})")
_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")


def yaml_value(content: bytes, path: str) -> Value:
    """The value of the one document in `content`; None where it is empty.

    Raises InvalidYamlError where the loader would refuse it, GuestReadError beyond a bound.
    """
    root = yaml_root(content, path)
    return None if root is None else _Constructor(path).value(root, 0)


class _Constructor:
    def __init__(self, path: str) -> None:
        self._path = path
        self._made: dict[int, Value] = {}
        self._open: set[int] = set()
        self._merges = 0

    def value(self, node: "Node", level: int) -> Value:
        if id(node) in self._made:
            return self._made[id(node)]
        if level > MAX_LEVELS or id(node) in self._open:
            raise GuestReadError(
                f"{self._path}: YAML that contains itself, or of more than {MAX_LEVELS} levels"
            )
        self._open.add(id(node))
        made = self._construct(node, level)
        self._open.discard(id(node))
        self._made[id(node)] = made
        return made

    def _construct(self, node: "Node", level: int) -> Value:
        from yaml.nodes import MappingNode, ScalarNode, SequenceNode  # noqa: PLC0415 - as in yaml_nodes

        kind = node.tag.removeprefix(_TAG)
        if isinstance(node, ScalarNode):
            return self._scalar(node, kind)
        if isinstance(node, SequenceNode) and kind in {"seq", "omap", "pairs"}:
            return [self.value(item, level + 1) for item in node.value]
        if isinstance(node, MappingNode) and kind in {"map", "set"}:
            made = self._mapping(node, level)
            return None if kind == "set" else made
        raise InvalidYamlError(f"{self._path}: no valid YAML: the tag {printable(node.tag)} is not known")

    def _mapping(self, node: "MappingNode", level: int) -> Value:
        found: dict[Scalar, Value] = {}
        for key_node, value_node in self._pairs(node, 0):
            key = self.value(key_node, level + 1)
            if isinstance(key, list | dict):
                raise InvalidYamlError(f"{self._path}: no valid YAML: a key that is a list or a mapping")
            found[key] = self.value(value_node, level + 1)
        return found

    def _pairs(self, node: "MappingNode", depth: int) -> "list[tuple[Node, Node]]":
        """Return them with what merge keys bring before the mapping's own pairs, which win over them."""
        from yaml.nodes import MappingNode, SequenceNode  # noqa: PLC0415 - as above

        merged: list[tuple[Node, Node]] = []
        own: list[tuple[Node, Node]] = []
        for key, value in node.value:
            if key.tag != f"{_TAG}merge":
                own.append((key, value))
                continue
            sources = value.value[::-1] if isinstance(value, SequenceNode) else [value]
            for source in sources:
                if not isinstance(source, MappingNode):
                    raise InvalidYamlError(f"{self._path}: no valid YAML: a merge key without a mapping")
                self._merges += 1
                if depth > MAX_LEVELS or self._merges > MAX_MERGES:
                    raise GuestReadError(f"{self._path}: YAML with more merge keys than are followed")
                merged += self._pairs(source, depth + 1)
                if len(merged) > MAX_PAIRS:
                    raise GuestReadError(f"{self._path}: more than {MAX_PAIRS} keys by merge keys")
        return [*merged, *own]

    def _scalar(self, node: "ScalarNode", kind: str) -> Scalar:
        text = str(node.value)
        if kind in {"timestamp", "binary", "null"}:
            self._check_date(text if kind == "timestamp" else "")
            return None
        if kind == "bool" and text.lower() in _BOOLEANS:
            return _BOOLEANS[text.lower()]
        if kind == "int":
            return self._integer(text)
        if kind in _PLAIN_TAGS or kind == "float":
            return _float(text) if kind == "float" else text
        raise InvalidYamlError(f"{self._path}: no valid YAML: the tag {printable(node.tag)} is not known")

    def _integer(self, text: str) -> Scalar:
        digits = text.replace("_", "").lower()
        if not _INTEGER.fullmatch(digits):
            if digits.lstrip("+-") in {"0b", "0x", ""}:
                raise InvalidYamlError(f"{self._path}: no valid YAML: {printable(text)!r} is no number")
            return _sexagesimal(digits)
        sign = -1 if digits.startswith("-") else 1
        bare = digits.lstrip("+-")
        base = {"0b": 2, "0x": 16}.get(bare[:2], 8 if len(bare) > 1 and bare.startswith("0") else 10)
        try:
            return sign * int(bare[2:] if base in {2, 16} else bare, base)
        except ValueError as error:
            raise InvalidYamlError(f"{self._path}: no valid YAML: {printable(text)!r}") from error

    def _check_date(self, text: str) -> None:
        found = _DATE.match(text)
        if found is not None:
            try:
                datetime.date(*map(int, found.groups()))
            except ValueError as error:
                raise InvalidYamlError(
                    f"{self._path}: no valid YAML: {printable(text[:40])}: {error}"
                ) from error


def _float(text: str) -> Scalar:
    plain = text.replace("_", "").lower()
    try:
        return float(plain.replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        return _sexagesimal(plain)


def _sexagesimal(text: str) -> Scalar:
    """A number such as 1:30, in which each part is worth sixty of the next: YAML 1.1."""
    parts = text.lstrip("+-").split(":")
    if not 1 < len(parts) <= MAX_PARTS:
        return text
    try:
        total = sum(float(part) * 60**place for place, part in enumerate(reversed(parts)))
    except ValueError:
        return text
    signed = -total if text.startswith("-") else total
    return signed if "." in text else int(signed)
