import pytest

from imgtool.errors import UsageError
from imgtool.util.name_templates import filled


def test_the_stem_is_filled_in() -> None:
    assert filled("new-{stem}-{stem}", lambda: "a") == "new-a-a"


@pytest.mark.parametrize("name", ["plain", "{}", "{a b}", "${stem_of}", "{1}", "a{b"])
def test_what_looks_like_no_placeholder_stays(name: str) -> None:
    def unasked() -> str:
        raise AssertionError

    assert filled(name, unasked) == name


@pytest.mark.parametrize(
    ("name", "hint"), [("{steam}", "did you mean {stem}?"), ("{x}", "the only one is {stem}")]
)
def test_another_placeholder_is_an_error(name: str, hint: str) -> None:
    with pytest.raises(UsageError, match="there is no placeholder") as refused:
        filled(f"a-{name}", lambda: "b")
    assert refused.value.hint == hint
