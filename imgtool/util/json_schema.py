"""JSON Schemas of types: of the documents that commands print, and of the YAML files that operators write.

pydantic makes them; here is what it cannot know. They are of draft 2020-12.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter

Schema = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_TEXT = ["string", "number", "boolean"]
"""What YAML makes of a value that imgtool takes as the text that stands there."""
_VARIABLE: Schema = {"type": "string", "pattern": r"\$\{"}


def of_document(kind: Any, title: str) -> Schema:
    """Return the schema of a JSON document, a TypedDict or a union of some."""
    made = TypeAdapter(kind).json_schema(mode="serialization")
    return {"$schema": DRAFT, "title": title, **_plain(made)}


def of_yaml(model: type[BaseModel], title: str, *, variables: bool = False) -> Schema:
    """Return the schema of a YAML file; with `variables`, ${NAME} can stand for any value."""
    made = _plain(model.model_json_schema())
    return {"$schema": DRAFT, **_as_yaml(made, variables=variables), "title": title}


def _plain(node: Any) -> Any:
    """Without what says nothing: titles made of names, defaults of nothing.

    A property can have the name `title` or `default` itself.
    """
    if isinstance(node, list):
        return [_plain(one) for one in node]
    if not isinstance(node, Mapping):
        return node
    return {key: _plain(one) for key, one in node.items() if not _says_nothing(key, one)}


def _says_nothing(key: str, value: Any) -> bool:
    return (key == "title" and isinstance(value, str)) or (key == "default" and value is None)


def _as_yaml(node: Any, *, variables: bool) -> Any:
    if isinstance(node, list):
        return [_as_yaml(one, variables=variables) for one in node]
    if not isinstance(node, Mapping):
        return node
    if _is_value(node):
        shown = _with_switch(node)
        return {"anyOf": [shown, _VARIABLE]} if variables else shown
    inner = {key: _as_yaml(one, variables=variables) for key, one in node.items()}
    return {**inner, "type": _TEXT} if node.get("type") == "string" and "pattern" not in node else inner


def _with_switch(node: Mapping[str, Any]) -> Schema:
    """`off` is false for readers of YAML 1.1."""
    if "off" not in node.get("enum", ()):
        return dict(node)
    return {**{key: one for key, one in node.items() if key != "type"}, "enum": [*node["enum"], False]}


def _is_value(node: Mapping[str, Any]) -> bool:
    """Whether it is one of a few words, a number or a switch."""
    words = isinstance(node.get("enum"), list) or isinstance(node.get("const"), str)
    return words or node.get("type") in ("integer", "number", "boolean")
