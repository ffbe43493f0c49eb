import re
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgtool.util.text import (
    enumerated,
    human_size,
    last_line,
    parse_size,
    printable,
    shell_operands,
    shell_word,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("naïve 漢字", "naïve 漢字"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("evil\u202egnp.raw", "evil\\u202egnp.raw"),
        ("not-utf8-\udcff", "not-utf8-\\udcff"),
    ],
)
def test_what_a_terminal_could_obey_is_escaped(text: str, expected: str) -> None:
    assert printable(text) == expected


@given(st.text(alphabet=st.characters()))
def test_the_result_can_always_be_printed_on_one_line(text: str) -> None:
    shown = printable(text)
    shown.encode("utf-8")  # no lone surrogate is left
    assert not any(character in shown for character in "\x1b\n\r\x00\u202e\u2066\x9b")


@given(st.text(alphabet=st.characters()))
def test_a_word_for_a_shell_is_the_text_itself_or_there_is_none(text: str) -> None:
    word = shell_word(text)
    if word is None:
        assert printable(text) != text or {"`", "\\"}.intersection(text)
    else:
        assert shlex.split(word) == [text]
        assert printable(word) == word


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["/a", "b c"], "/a 'b c'"),
        (["/a", "-rf"], "-- /a -rf"),
        ([], ""),
        (["/a", "b\n"], None),
        (["a`b"], None),
        (["a\\x1b"], None),
    ],
)
def test_operands_are_never_options(texts: list[str], expected: str | None) -> None:
    assert shell_operands(texts) == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (2 << 30, "2.0 GiB"), (1 << 60, "1024.0 PiB")],
)
def test_sizes_are_in_binary_units(size: int, expected: str) -> None:
    assert human_size(size) == expected


def test_many_words_are_counted_and_not_told() -> None:
    words = [str(number) for number in range(25)]
    assert enumerated(words[:20]) == ", ".join(words[:20])
    assert enumerated(words) == f"{', '.join(words[:20])}, and 5 more"
    assert enumerated(words, "; ", 2) == "0; 1; and 23 more"
    assert enumerated([]) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("512", 512),
        ("64k", 64 << 10),
        ("2M", 2 << 20),
        ("1g", 1 << 30),
        ("128T", 128 << 40),
        ("1P", 1 << 50),
        ("20 GiB", 20 << 30),
    ],
)
def test_a_size_that_people_write(text: str, expected: int) -> None:
    assert parse_size(text) == expected


@pytest.mark.parametrize("text", ["", "k", "-1", "1.5G", "1x", "\u0665", "9" * 30])
def test_what_is_not_a_size(text: str) -> None:
    assert parse_size(text) is None


def test_a_number_without_a_unit_counts_the_units_that_are_asked_for() -> None:
    assert parse_size("2", plain_unit_bytes=1 << 20) == 2 << 20
    assert parse_size("2G", plain_unit_bytes=1 << 20) == 2 << 30


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (b"", ""),
        (b" \n\r\n", ""),
        (b"first\nValueError: \x1b[31m x \n\n", "ValueError: \\x1b[31m x"),
        (b"said\r (12%)\r (99%)\n", "said"),
        (b"not UTF-8: \xff", "not UTF-8: \N{REPLACEMENT CHARACTER}"),
    ],
)
def test_the_last_line_that_says_something(output: bytes, said: str) -> None:
    assert last_line(output, unlike=re.compile("%")) == said
