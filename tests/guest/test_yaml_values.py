"""YAML's values as PyYAML's safe loader makes them; the truths are those of PyYAML 6.0."""

import pytest

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.yaml_nodes import InvalidYamlError
from imgtool.guest.yaml_values import yaml_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("off", False),
        ("'off'", "off"),
        ("On", True),
        ("~", None),
        ("", None),
        ("0x1f", 31),
        ("010", 8),
        ("089", "089"),
        ("0b11", 3),
        ("+5", 5),
        ("1_000", 1000),
        ("1:30", 90),
        ("1.5", 1.5),
        ("0o7", "0o7"),
        ("!!str 5", "5"),
        ("[a, [b]]", ["a", ["b"]]),
        ("{a: 1, a: 2}", {"a": 2}),
        ("{yes: 1}", {True: 1}),
        ("a: &x {b: 1}\nc: *x\n", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}\n", {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}),
        ("{<<: [{a: 1}, {a: 2, b: 3}]}", {"a": 1, "b": 3}),
        ("|\n  x\n  y\n", "x\ny\n"),
        ('"\\x41"', "A"),
    ],
)
def test_values(text: str, value: object) -> None:
    assert yaml_value(text.encode(), "/x") == value


@pytest.mark.parametrize(
    "text",
    ["a: [", "\ta: 1", "a: *x", "!foo x", "{[1]: 2}", "{<<: 1}", "2024-13-01", "a: 1\n---\nb: 2\n"],
)
def test_what_a_loader_refuses(text: str) -> None:
    with pytest.raises(InvalidYamlError):
        yaml_value(text.encode(), "/x")


def test_what_contains_itself_is_not_followed() -> None:
    with pytest.raises(GuestReadError, match="contains itself"):
        yaml_value(b"&a [*a]", "/x")
