"""Looks values up in hostile YAML without building it.

Only the graph of nodes is made, in which an alias is a reference: neither the "billion laughs" nor merge
keys multiply anything. Merge keys are not followed. The depth is checked on the stream of events first,
because libyaml's composer goes down on the C stack.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.util.text import printable

if TYPE_CHECKING:
    from yaml.nodes import Node

MAX_DEPTH = 50
"""Of nested collections; a cloud.cfg has five levels."""


class InvalidYamlError(GuestReadError):
    """What the file holds is no YAML that a safe loader takes: programs that skip such a file go on."""


def yaml_root(content: bytes, path: str) -> "Node | None":
    """The top node of the one document in `content`; None where it is empty.

    Raises InvalidYamlError where it is no YAML, GuestReadError beyond a bound.
    """
    import yaml  # noqa: PLC0415 - loaded only for guests that have such files

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        depth = 0
        for event in yaml.parse(content, Loader=loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise GuestReadError(f"{path}: YAML of more than {MAX_DEPTH} levels")
        return yaml.compose(content, Loader=loader)
    except (yaml.YAMLError, ValueError) as error:
        reason = printable(" ".join(str(error).split()))
        raise InvalidYamlError(f"{path}: no valid YAML: {reason}") from error


def at(node: "Node | None", *keys: str) -> "Node | None":
    """The value below `node` at the path `keys` of mappings; of a key that stands twice the last one."""
    from yaml.nodes import MappingNode  # noqa: PLC0415 - as above

    for key in keys:
        if not isinstance(node, MappingNode):
            return None
        node = next((value for name, value in reversed(node.value) if text_of(name) == key), None)
    return node


def text_of(node: "Node | None") -> str | None:
    """The text of a scalar as it is written; None for anything else."""
    from yaml.nodes import ScalarNode  # noqa: PLC0415 - as above

    return str(node.value) if isinstance(node, ScalarNode) else None


def items_of(node: "Node") -> "Sequence[Node]":
    """The items of a sequence, or the one node that stands in its place."""
    from yaml.nodes import SequenceNode  # noqa: PLC0415 - as above

    return node.value if isinstance(node, SequenceNode) else [node]


def strings(node: "Node") -> tuple[str, ...]:
    """The scalars of a sequence, or the one scalar that stands in its place."""
    return tuple(text for item in items_of(node) if (text := text_of(item)))
