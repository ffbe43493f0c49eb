"""Words of a setting: with and without quotes the rules are the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgtool.guest.systemd.words import UnbalancedError, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" a\tb\r\nc ", ["a", "b", "c"]),
        ("a\vb a\u00a0b", ["a\vb", "a\u00a0b"]),
        ("a'b c'd", ["ab cd"]),
        ('"" x', ["", "x"]),
        (r"a\x20b \q", ["a b", r"\q"]),
        ("a\\", ["a\\"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_a_backslash_may_be_a_character_like_others() -> None:
    assert words_of(r"dev-disk\x2dby.swap", escapes=False) == [r"dev-disk\x2dby.swap"]


def test_a_quote_without_an_end() -> None:
    with pytest.raises(UnbalancedError) as caught:
        words_of("a 'b")
    assert caught.value.words == ["a"]


@given(st.text("ab \t\n\r\v\f\x85\u2028\0"), st.booleans())
def test_text_without_quotes_is_divided_as_it_is_beside_one(text: str, escapes: bool) -> None:
    assert words_of(f"{text} ''", escapes=escapes) == [*words_of(text, escapes=escapes), ""]
