import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgtool.text import human_size, printable


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


@pytest.mark.parametrize(
    ("size", "expected"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (2 << 30, "2.0 GiB"), (1 << 60, "1024.0 PiB")],
)
def test_sizes_are_in_binary_units(size: int, expected: str) -> None:
    assert human_size(size) == expected
