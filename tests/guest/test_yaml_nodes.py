import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.yaml_nodes import at, strings, text_of, yaml_root


def test_values_are_found_by_path():
    root = yaml_root(b"a:\n  b: {c: text}\n  list: [x, y, [z]]\n", "f")
    assert text_of(at(root, "a", "b", "c")) == "text"
    assert strings(at(root, "a", "list")) == ("x", "y")
    assert at(root, "a", "none") is None
    assert at(root, "a", "list", "x") is None
    assert text_of(at(root, "a")) is None


def test_of_a_key_that_stands_twice_the_last_counts():
    assert text_of(at(yaml_root(b"a: 1\na: 2\n", "f"), "a")) == "2"


def test_a_scalar_in_place_of_a_list():
    assert strings(yaml_root(b"x", "f")) == ("x",)


@pytest.mark.parametrize("content", [b"", b"# only a comment\n", b"---\n"])
def test_an_empty_file_has_no_values(content):
    assert at(yaml_root(content, "f"), "a") is None


@pytest.mark.parametrize("content", [b"a: [1", b"\t- x", b"a: b: c", b"\x00", b"a: 1\n---\nb: 2\n", b"*gone"])
def test_what_is_no_yaml_is_an_error_that_names_the_file(content):
    with pytest.raises(GuestReadError, match=r"cloud\.cfg: no valid YAML"):
        yaml_root(content, "/etc/cloud/cloud.cfg")


@pytest.mark.parametrize("content", [b"[" * 100_000, b"{a: " * 50_000, b"- " * 100_000])
def test_nesting_without_end_is_an_error(content):
    with pytest.raises(GuestReadError):
        yaml_root(content, "f")


def test_a_billion_laughs_cost_nothing():
    lines = ["a0: &a0 [lol]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    began = time.process_time()
    root = yaml_root("\n".join(lines).encode(), "f")
    assert strings(at(root, "a0")) == ("lol",)
    assert time.process_time() - began < 2


@given(st.binary(max_size=200))
def test_any_bytes_raise_nothing_but_guest_read_errors(content):
    try:
        value = at(yaml_root(content, "f"), "a")
    except GuestReadError:
        return
    assert text_of(value) is None or isinstance(text_of(value), str)
