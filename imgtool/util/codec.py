"""Frozen dataclasses as JSON, and back: what comes back is of its type, or it is refused.

What is known: dataclasses (generic ones too), str, int, float, bool, None, Path, Literal, `tuple[X, ...]`,
`Mapping[str, X]`, and unions of them. A dataclass is an object with exactly its fields as keys. Any is what
JSON has, as it is.

How deep it goes is a matter of the type, which does not contain itself. How much it is has bounds that are
generous for what is true of a guest, so that JSON made to fill the reader's memory is refused before that:
hostile processes send some of it.
"""

import json
from collections.abc import Callable, Mapping, Sized
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NoReturn, TypeVar, Union, cast, get_args, get_origin

A = TypeVar("A")

MAX_BITS = 96
"""Of an integer: a GPT counts sectors in 64 bits."""
MAX_CHARACTERS = 1 << 20
"""Of a string."""
MAX_ITEMS = 50_000
"""Of a list or an object with any keys."""
MAX_SIGNS = 500_000
"""Of the signs that part values from each other, `[{,:`, also where they stand in strings. Each takes 100
bytes at most once it is read, so all of them 50 MB; the facts of a guest have some 1,000."""

_Read = Callable[[Any], Any]


class CodecError(ValueError):
    """The JSON is not of the type that was asked for. The message says where, and quotes nothing of it."""


def to_json(value: object) -> bytes:
    """One line of ASCII. Raises TypeError for what is not known here."""
    return json.dumps(to_values(value), separators=(",", ":"), allow_nan=False).encode()


def expect(wanted: type[object]) -> None:
    """Make ready for `from_json` of a `wanted`, while there is time."""
    _reader(cast("Any", wanted))


def from_json(content: bytes, wanted: type[A]) -> A:
    """What `to_json` made of a `wanted`. Raises CodecError for anything else, whatever it is."""
    if sum(map(content.count, (b"[", b"{", b",", b":"))) > MAX_SIGNS:
        raise CodecError("it has too many values")
    try:
        values = json.loads(content, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        raise CodecError(f"it is no JSON: {type(error).__name__}") from None
    return from_values(values, wanted)


def to_values(value: Any) -> Any:
    """Return the value as JSON takes it: dicts and lists. Raises TypeError for what is not known here."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if is_dataclass(value):
        return {field.name: to_values(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, (tuple, list)):
        return [to_values(item) for item in value]
    if isinstance(value, Mapping):
        return {_key(key): to_values(item) for key, item in value.items()}
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form here")


def from_values(values: object, wanted: type[A]) -> A:
    """Return the `wanted` that this parsed JSON describes. Raises CodecError where it describes none."""
    read: Callable[[Any], A] = _reader(cast("Any", wanted))
    return read(values)


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key that is {type(key).__name__}")
    return key


@cache
def _reader(wanted: Any) -> _Read:
    """The function that turns parsed JSON into `wanted`, put together once for each type."""
    origin, arguments = get_origin(wanted), get_args(wanted)
    if is_dataclass(origin or wanted):
        return _object(origin or wanted, arguments)
    if origin is None:
        return _simple(wanted)
    if origin is Literal:
        return _one_of(arguments)
    if origin is tuple and arguments[1:] == (...,):
        return _tuple_of(_reader(arguments[0]))
    if origin is Mapping and arguments[0] is str:
        return _mapping_of(_reader(arguments[1]))
    if origin in {Union, UnionType}:
        return _first_of([_reader(one) for one in arguments])
    raise TypeError(f"{wanted} has no JSON form here")


def _simple(wanted: Any) -> _Read:
    try:
        return _SIMPLE[wanted]
    except (KeyError, TypeError):
        raise TypeError(f"{wanted} has no JSON form here") from None


def _exactly(kind: type) -> _Read:
    def read(value: Any) -> Any:
        return value if type(value) is kind else _refuse(value, kind.__name__)

    return read


def _string(value: Any) -> str:
    if type(value) is not str:
        _refuse(value, "str")
    if len(value) > MAX_CHARACTERS:
        raise CodecError("a string that is too long")
    return value


def _integer(value: Any) -> int:
    if type(value) is not int or value.bit_length() > MAX_BITS:
        _refuse(value, "int")
    return value


def _number(value: Any) -> float:
    """An integer too: it stays one."""
    if type(value) is not float:
        return _integer(value)
    return value


_SIMPLE: Mapping[Any, _Read] = {
    str: _string,
    int: _integer,
    float: _number,
    bool: _exactly(bool),
    NoneType: _exactly(NoneType),
    Path: lambda value: Path(_string(value)),
    Any: lambda value: value,
}


def _one_of(allowed: tuple[Any, ...]) -> _Read:
    def read(value: Any) -> Any:
        fits = any(type(value) is type(one) and value == one for one in allowed)
        return value if fits else _refuse(value, "one of its words")

    return read


def _first_of(readers: list[_Read]) -> _Read:
    """No two members of a union take the same JSON: objects differ in their keys."""

    def read(value: Any) -> Any:
        reasons = []
        for one in readers:
            try:
                return one(value)
            except CodecError as error:
                reasons.append(str(error))
        raise CodecError(" and ".join(reasons))

    return read


def _tuple_of(item: _Read) -> _Read:
    def read(value: Any) -> Any:
        if type(value) is not list:
            _refuse(value, "list")
        _count(value)
        return tuple(map(item, value))

    return read


def _mapping_of(item: _Read) -> _Read:
    def read(value: Any) -> Any:
        if type(value) is not dict:
            _refuse(value, "object")
        _count(value)
        return {_string(key): item(one) for key, one in value.items()}

    return read


def _object(kind: Any, arguments: tuple[Any, ...]) -> _Read:
    parameters = dict(zip(getattr(kind, "__parameters__", ()), arguments, strict=True))
    readers = {field.name: _reader(parameters.get(field.type, field.type)) for field in fields(kind)}

    def read(value: Any) -> Any:
        if type(value) is not dict or value.keys() != readers.keys():
            _refuse(value, f"an object with the keys of {kind.__name__}")
        try:
            return kind(**{name: one(value[name]) for name, one in readers.items()})
        except CodecError as error:
            raise CodecError(f"{kind.__name__}: {error}") from None

    return read


def _count(values: Sized) -> None:
    if len(values) > MAX_ITEMS:
        raise CodecError("a list that is too long")


def _refuse(value: Any, wanted: str) -> NoReturn:
    raise CodecError(f"{type(value).__name__} in place of {wanted}")


def refuse_constant(_: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads and JSON does not have. Raises CodecError, a ValueError."""
    raise CodecError("a number that is none")
