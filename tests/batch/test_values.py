"""Each value is what its text says, or the text is refused with a reason."""

import pytest
from pydantic_core import PydanticCustomError

from imgtool.batch import values
from imgtool.model.delivery import CloudName


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("1.5h", 5400), ("30m", 1800), ("2 h", 7200), ("1d", 86400), ("1s", 1)]
)
def test_durations(text: str, seconds: float) -> None:
    assert values.seconds(text) == seconds


@pytest.mark.parametrize("text", ["0", "", "-1", "soon", "1w", "0.5s", "1e3", "9" * 10])
def test_no_durations(text: str) -> None:
    with pytest.raises(PydanticCustomError, match="invalid duration"):
        values.seconds(text)


def test_clouds() -> None:
    assert values.cloud("one") == CloudName("one")
    assert values.cloud("one/R2") == CloudName("one", "R2")
    for wrong in ("", "/R", "one/"):
        with pytest.raises(PydanticCustomError, match="NAME/REGION"):
            values.cloud(wrong)
    with pytest.raises(PydanticCustomError, match="twice"):
        values.clouds(("a", "b", "a"))


def test_hashes_ids_formats_and_text() -> None:
    assert values.sha256("A" * 64) == "a" * 64
    assert values.sha512("A" * 128) == "a" * 128
    assert values.image_id("{12345678123456781234567812345678}") == "12345678-1234-5678-1234-567812345678"
    assert values.source_format("VHD") == "vpc"
    assert values.text("é") == "é"
    assert values.each_once(("b", "a", "b")) == ("b", "a")
    for parse, wrong in (
        (values.sha256, "a" * 63), (values.sha512, "a" * 64), (values.image_id, "7"),
        (values.source_format, "zip"), (values.text, "a\x1b"), (values.path, "a\0"),
    ):  # fmt: skip
        with pytest.raises(PydanticCustomError):
            parse(wrong)
