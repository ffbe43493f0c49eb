"""What imgtool prints as JSON is compared with its schemas, in which no key may be missing."""

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from imgtool.report import schemas

REPEATS_KEYS = ("upload",)
"""Documents that have keys of another one beside their own."""


def assert_fits_command(command: str, text: str) -> None:
    """What a command printed fits its schema, or that of errors; several images are a batch."""
    document = json.loads(text)
    if command in {"upload", "prepare"} and "manifest" in document:
        command = "batch"
    failed = set(document) == {"error"}
    if failed or command in schemas.DOCUMENTS:
        assert_fits("error" if failed else command, document)


def assert_fits(name: str, document: Any) -> None:
    """The document fits the schema, and every key of it stands there."""
    validator = _closed(name) if name not in REPEATS_KEYS else _open(name)
    wrong = [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(document)]
    assert wrong == [], name


@cache
def _open(name: str) -> Draft202012Validator:
    return Draft202012Validator(schemas.schema(name))


@cache
def _closed(name: str) -> Draft202012Validator:
    """A reader takes keys that it does not know; here they are forgotten ones."""
    return Draft202012Validator(_without_others(schemas.schema(name)))


def _without_others(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_others(one) for one in node]
    if not isinstance(node, dict):
        return node
    inner = {key: _without_others(one) for key, one in node.items()}
    named = node.get("type") == "object" and "properties" in node
    return {**inner, "additionalProperties": False} if named else inner
