"""All that is told of a guest goes through unchanged, and nothing else comes out."""

import json
import tracemalloc
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fixtures import checksums, fixture_path

from imgtool.formats.headers import Headers
from imgtool.guest.inspect import inspect_disk
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.model.guest import GuestFacts
from imgtool.model.linux import LinuxFacts
from imgtool.model.verdict import Severity
from imgtool.model.windows import WindowsFacts
from imgtool.pipeline.guest_reader import GuestRequest
from imgtool.sandbox.protocol import MAX_FROM_BOX_BYTES
from imgtool.util import codec
from imgtool.util.codec import CodecError, from_json, to_json

TEXT = st.text(st.characters(), max_size=8)
"""Lone surrogates too: names in a guest are bytes."""
SIMPLE = {str: TEXT, bool: st.booleans(), int: st.integers(-(1 << 90), 1 << 90), NoneType: st.none()}


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a type that the codec knows."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in SIMPLE:
        return SIMPLE[kind]
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in {Union, UnionType}:
        return st.one_of(*map(values_of, arguments))
    if origin is tuple:
        return st.lists(values_of(arguments[0]), max_size=2).map(tuple)
    if origin is Mapping:
        return st.dictionaries(TEXT, values_of(arguments[1]), max_size=2)
    plain = origin or kind
    assert is_dataclass(plain)
    parameters = dict(zip(getattr(plain, "__parameters__", ()), arguments, strict=True))
    wanted = {one.name: values_of(parameters.get(one.type, one.type)) for one in fields(plain)}
    return st.fixed_dictionaries(wanted).map(lambda given: plain(**given))


@pytest.mark.parametrize("kind", [GuestFacts, LinuxFacts, WindowsFacts, Headers, GuestRequest])
def test_any_value_goes_through(kind: type) -> None:
    @settings(max_examples=40)
    @given(value=values_of(kind))
    def check(value: object) -> None:
        content = to_json(value)
        assert content.isascii()
        assert b"\n" not in content
        assert from_json(content, kind) == value

    check()


@pytest.mark.parametrize("name", [one.removesuffix(".raw.zst") for one in checksums()])
def test_what_is_told_of_each_fixture_goes_through(name: str) -> None:
    path = fixture_path(name)
    with path.open("rb") as disk:
        facts = inspect_disk(disk, path.stat().st_size)
    assert from_json(to_json(facts), GuestFacts) == facts


FACT = {"value": "x", "evidence": "y"}


@dataclass(frozen=True, slots=True)
class Sample:
    name: str
    size: int
    sure: bool
    kind: Literal["a", 1]
    fact: Fact[str]
    maybe: int | None
    many: tuple[str, ...]
    named: Mapping[str, Literal["yes", "no"]]
    seconds: float
    place: Path | None


GOOD = {
    "name": "n", "size": 1, "sure": True, "kind": "a", "fact": FACT, "maybe": None, "many": ["a"],
    "named": {"x": "yes"}, "seconds": 1.5, "place": "/a",
}  # fmt: skip


def test_the_sample_is_read() -> None:
    read = from_json(json.dumps(GOOD).encode(), Sample)
    assert read == Sample("n", 1, True, "a", Known("x", "y"), None, ("a",), {"x": "yes"}, 1.5, Path("/a"))
    assert json.loads(to_json(read)) == GOOD
    unknown = from_json(json.dumps({**GOOD, "fact": {"reason": "z"}}).encode(), Sample)
    assert unknown.fact == Unknown("z")


@pytest.mark.parametrize(
    "change",
    [
        {"name": 1}, {"name": None}, {"name": ["n"]}, {"size": "1"}, {"size": 1.0}, {"size": True},
        {"size": 1 << 97}, {"sure": 1}, {"sure": None}, {"kind": "b"}, {"kind": True}, {"kind": ["a"]},
        {"fact": "x"}, {"fact": None}, {"fact": {}}, {"fact": {"value": "x"}},
        {"fact": {**FACT, "reason": "z"}},
        {"fact": {"value": 1, "evidence": "y"}}, {"maybe": "1"}, {"maybe": False}, {"many": "a"},
        {"many": {"a": 1}}, {"many": [1]}, {"many": [["a"]]}, {"named": []}, {"named": {"x": "maybe"}},
        {"more": 1}, {"name ": "n"},
        {"seconds": "1"}, {"seconds": True}, {"seconds": None}, {"seconds": 1 << 97}, {"place": 1},
        {"place": ["/a"]},
    ],
)  # fmt: skip
def test_what_is_of_another_type_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(CodecError):
        from_json(json.dumps({**GOOD, **change}).encode(), Sample)


@pytest.mark.parametrize("key", GOOD)
def test_what_lacks_a_key_is_refused(key: str) -> None:
    with pytest.raises(CodecError, match="keys of Sample"):
        from_json(json.dumps({name: one for name, one in GOOD.items() if name != key}).encode(), Sample)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
)


@given(value=JSON, key=st.sampled_from([*GOOD]))
def test_any_json_is_a_value_or_refused(value: object, key: str) -> None:
    for one in (value, {**GOOD, key: value}):
        content = json.dumps(one).encode()
        with suppress(CodecError):
            assert isinstance(from_json(content, Sample), Sample)


@given(content=st.binary())
def test_any_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(CodecError):
        from_json(content, Sample)


def test_depth_is_refused() -> None:
    for text in ("[" * 100_000, "[" * 100_000 + "]" * 100_000, '{"a":' * 100_000):
        with pytest.raises(CodecError):
            from_json(text.encode(), Sample)


@dataclass(frozen=True, slots=True)
class Anything:
    what: Mapping[str, Any]


def test_what_is_any_comes_back_as_json_has_it() -> None:
    value = Anything({"a": [1, 2.5, None, {"b": [], Severity.ERROR: Severity.INFO}]})
    assert from_json(to_json(value), Anything) == value


@pytest.mark.parametrize("content", [b'{"what":{"a":NaN}}', b'{"what":{"a":Infinity}}'])
def test_what_is_no_number_is_refused(content: bytes) -> None:
    with pytest.raises(CodecError, match="no JSON"):
        from_json(content, Anything)


@pytest.mark.parametrize("value", [1j, b"x", {1: "x"}, {"a"}, object(), [b"x"]])
def test_what_it_does_not_know_does_not_go_in(value: object) -> None:
    with pytest.raises(TypeError):
        to_json(value)


@pytest.mark.parametrize(
    "kind", [complex, bytes, list[str], tuple[str, int], Mapping[int, str], dict[str, str]]
)
def test_types_that_it_does_not_know_are_a_mistake(kind: Any) -> None:
    with pytest.raises(TypeError):
        codec._reader(kind)


@dataclass(frozen=True, slots=True)
class Many:
    words: tuple[str, ...] = ()
    named: Mapping[str, str] = field(default_factory=dict)


def test_ten_thousand_found_files_go_through() -> None:
    paths = tuple(f"/srv/data, more/{'directory/' * 20}{number:05}" for number in range(10_000))
    assert from_json(to_json(Many(paths)), Many) == Many(paths)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (Many(("x" * (codec.MAX_CHARACTERS + 1),)), "string that is too long"),
        (Many(named={"x" * (codec.MAX_CHARACTERS + 1): ""}), "string that is too long"),
        (Many(("",) * (codec.MAX_ITEMS + 1)), "list that is too long"),
        (Many(named={str(number): "" for number in range(codec.MAX_ITEMS + 1)}), "list that is too long"),
        (Many(("," * codec.MAX_SIGNS,)), "too many values"),
    ],
)
def test_what_is_too_much_is_refused(value: Many, reason: str) -> None:
    with pytest.raises(CodecError, match=reason):
        from_json(to_json(value), Many)


@pytest.mark.parametrize("part", [b"[],", b'{"":0},', b'{"a":[{}]},', b"0,", b'"",', b'"\\ud83d\\ude00",'])
def test_no_json_takes_much_memory(part: bytes) -> None:
    """As much of it as a sandbox may send."""
    content = b"[" + part * (MAX_FROM_BOX_BYTES // len(part) - 1) + b"0]"
    tracemalloc.start()
    try:
        with pytest.raises(CodecError):
            from_json(content, Many)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
