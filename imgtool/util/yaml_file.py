"""An operator's YAML file, read into a pydantic model; what is wrong is told by file, line and key.

Every scalar reaches the model as the text that stands in the file: YAML's own ideas (`off` is false, `12.10`
is 12.1) surprise people, and the model knows better what is meant. Only an empty value and `null` are None.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from imgtool.errors import UsageError
from imgtool.util import misspelt

MAX_BYTES = 1 << 20
"""Of a file; a large one that people wrote by hand has some 10 KiB."""

MAX_DEPTH = 20
"""Of nested collections."""

MAX_SHOWN_CHARACTERS = 80
"""Of a value that is quoted in a message."""

MAX_TOLD = 20
"""Mistakes that are told of one file."""

Keys = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)

_MUST_BE = {
    "string_type": "one value",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "int_parsing": "a whole number",
    "bool_parsing": "true or false",
}
"""pydantic's types of errors, in the words of YAML."""


_COMPLAINT = "complaint"


def complaint(message: str, *, hint: str = "", key: str | None = None) -> PydanticCustomError:
    """Return the error that a validator raises for a value; with `key`, for what stands at that key."""
    return _error({"message": message, "hint": hint, "key": key})


def _error(told: dict[str, Any]) -> PydanticCustomError:
    return PydanticCustomError(_COMPLAINT, "{message}", told)


def _again(problem: ErrorDetails) -> InitErrorDetails:
    """Return a problem that was told, as it can be told once more together with others."""
    told = problem.get("ctx") or {}
    kind = _error(told) if problem["type"] == _COMPLAINT else problem["type"]
    return InitErrorDetails(type=kind, loc=problem["loc"], input=problem["input"], ctx=told)


class Section(BaseModel):
    """Base of all models of a file: a key that it does not know is an error, with a suggestion."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    noun: ClassVar[str] = "key"
    """What its keys are."""
    listed_by: ClassVar[str] = ""
    """What lists them, where they are too many for a message."""

    @model_validator(mode="wrap")
    @classmethod
    def _known_keys(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Tell of unknown keys and of what is wrong with the others, all at once."""
        if not isinstance(value, dict):
            return handler(value)
        problems = list(cls._unknown(value))
        if not problems:
            return handler(value)
        keys = {(one.get("ctx") or {}).get("key") for one in problems}
        try:
            handler({key: one for key, one in value.items() if str(key) not in keys})
        except ValidationError as error:
            problems += map(_again, error.errors(include_url=False))
        raise ValidationError.from_exception_data(cls.__name__, problems)

    @classmethod
    def _unknown(cls, value: Mapping[Any, Any]) -> Iterator[InitErrorDetails]:
        for key in value:
            try:
                cls._refuse_unknown(str(key))
            except PydanticCustomError as problem:
                told = {**(problem.context or {}), "key": str(key)}
                yield InitErrorDetails(type=_error(told), loc=(), input=value, ctx=told)

    @classmethod
    def _refuse_unknown(cls, key: str) -> None:
        known = [field.alias or name for name, field in cls.model_fields.items()]
        if key in known:
            return
        listed = cls.listed_by or f"there are: {', '.join(known)}"
        hint = misspelt.hint(key, known, listed)
        raise complaint(f"there is no such {cls.noun}", hint=hint, key=key)


@dataclass(frozen=True, slots=True)
class Document(Generic[Model]):
    """A file that was read."""

    content: Model
    path: Path
    lines: Mapping[Keys, int]
    """Where each key, and each item of a list, stands."""

    def where(self, *keys: str | int) -> str:
        """FILE:LINE of what stands at `keys`, or of the nearest that is above it."""
        return f"{self.path}:{_line(self.lines, keys)}"


def read_document(
    path: Path, model: type[Model], context: Mapping[str, Any] | None = None
) -> Document[Model]:
    """The file `path` as a `model`, whose validators see `context`.

    Raises UsageError that names file, line and key.
    """
    node = _compose(_read(path), path)
    lines: dict[Keys, int] = {}
    try:
        values = _values(node, (), lines)
        return Document(model.model_validate(values, context=context), path, lines)
    except _RepeatedKeyError as error:
        raise UsageError(
            f"{path}:{error.line}: {_shown(error.key)}: duplicate key", hint="leave one of them out"
        ) from error
    except ValidationError as error:
        raise _problems(path, error, lines) from error


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}", hint="check the path") from error
    except ValueError as error:  # a NUL in the name, or what no file name can hold
        raise UsageError(f"{str(path)!r}: cannot be the name of a file", hint="check the path") from error
    if len(content) > MAX_BYTES:
        raise UsageError(f"{path}: larger than {MAX_BYTES} bytes", hint=_WRONG_FILE)
    return content


# ---------------------------------------------------------------- YAML


def _compose(content: bytes, path: Path) -> Node:
    """The graph of nodes of the one document, which is a tree here: there are no aliases in it."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for event, depth in _events(content, loader):
            line = event.start_mark.line + 1
            if depth > MAX_DEPTH:
                raise UsageError(f"{path}:{line}: nested more than {MAX_DEPTH} deep", hint=_WRONG_FILE)
            if isinstance(event, yaml.AliasEvent):
                raise UsageError(f"{path}:{line}: aliases (*{event.anchor}) are not used here", hint=_REPEAT)
        node = yaml.compose(content, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f":{mark.line + 1}" if mark else ""
        raise UsageError(
            f"{path}{place}: no valid YAML: {error.problem or error.context}", hint=_INDENTATION
        ) from error
    except (yaml.YAMLError, ValueError) as error:
        raise UsageError(
            f"{path}: no valid YAML: {_shown(' '.join(str(error).split()))}", hint=_WRONG_FILE
        ) from error
    if node is None:
        raise UsageError(f"{path}: the file is empty", hint=_WRONG_FILE)
    return node


_WRONG_FILE = "is this the right file?"
_INDENTATION = "look at indentation, colons and quotes there, and in the line before"
_REPEAT = "write the value out where it is needed"


def _events(content: bytes, loader: Any) -> Iterator[tuple[Any, int]]:
    """Each event with the depth that it is at; the composer would recurse, the parser does not."""
    depth = 0
    for event in yaml.parse(content, Loader=loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        yield event, depth


class _RepeatedKeyError(Exception):
    def __init__(self, key: str, line: int) -> None:
        super().__init__(key)
        self.key = key
        self.line = line


def _values(node: Node, keys: Keys, lines: dict[Keys, int]) -> Any:
    """The node as text, lists and dicts; `lines` is filled on the way."""
    lines.setdefault(keys, node.start_mark.line + 1)
    if isinstance(node, SequenceNode):
        return [_values(item, (*keys, index), lines) for index, item in enumerate(node.value)]
    if isinstance(node, MappingNode):
        return {name: _values(value, (*keys, name), lines) for name, value in _pairs(node, keys, lines)}
    return None if node.tag == "tag:yaml.org,2002:null" else node.value


def _pairs(node: MappingNode, keys: Keys, lines: dict[Keys, int]) -> Iterator[tuple[str, Node]]:
    for key, value in node.value:
        name = str(key.value) if isinstance(key, ScalarNode) else "(a collection)"
        line = key.start_mark.line + 1
        if (*keys, name) in lines:
            raise _RepeatedKeyError(name, line)
        lines[(*keys, name)] = line
        yield name, value


# ---------------------------------------------------------------- what is wrong


def _problems(path: Path, error: ValidationError, lines: Mapping[Keys, int]) -> UsageError:
    """All of them, as they stand in the file from its beginning to its end."""
    problems = [(_line(lines, _keys(one)), one) for one in error.errors(include_url=False)]
    found = [_problem(path, line, one) for line, one in sorted(problems, key=lambda problem: problem[0])]
    first, others = found[0], found[1:MAX_TOLD]
    left = len(found) - 1 - len(others)
    if left:
        others.append(UsageError(f"{path}: and {left} more mistakes"))
    return UsageError(first.message, hint=first.hint, others=others)


def _problem(path: Path, line: int, problem: ErrorDetails) -> UsageError:
    names = [str(key) for key in _keys(problem) if isinstance(key, str)]
    where = f"{path}:{line}: {_shown('.'.join(names))}" if names else f"{path}:{line}"
    hint = str((problem.get("ctx") or {}).get("hint", ""))
    return UsageError(f"{where}: {_reason(problem)}", hint=hint)


def _keys(problem: ErrorDetails) -> Keys:
    """Where it is; of an unknown key not the mapping that it stands in, but the key itself."""
    unknown = (problem.get("ctx") or {}).get("key") if problem["type"] == _COMPLAINT else None
    return problem["loc"] if unknown is None else (*problem["loc"], str(unknown))


def _line(lines: Mapping[Keys, int], keys: Keys) -> int:
    """The line of `keys`, or of the longest beginning of it that stands in the file."""
    return next((lines[keys[:end]] for end in range(len(keys), -1, -1) if keys[:end] in lines), 1)


def _reason(problem: ErrorDetails) -> str:
    kind, context = problem["type"], problem.get("ctx") or {}
    if kind == "missing":
        return "is missing"
    if kind == "value_error":
        return str(context["error"])
    if kind == _COMPLAINT:
        return str(context["message"])
    expected = _MUST_BE.get(kind)
    if kind in {"literal_error", "enum"}:
        expected = str(context["expected"]).replace("'", "")
    given = problem["input"]
    if expected is None:
        return f"{_shown(given)}: {problem['msg']}"
    return f"must be {expected}" + ("" if isinstance(given, (dict, list)) else f", not {_shown(given)}")


def _shown(value: object) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[:MAX_SHOWN_CHARACTERS]}..."
