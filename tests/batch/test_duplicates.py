"""Two images that would be in one another's way are refused, and both lines are named."""

from pathlib import Path

import pytest
from support.batches import planned

from imgtool.errors import UsageError

ID = "12345678-1234-5678-1234-567812345678"


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        ("{source: a.raw, clouds: [x, y]}", "{source: b.raw, name: a, clouds: [z, y]}", "name"),
        ("{source: a.raw, name: n}", "{source: b.raw, name: n}", "name"),
        ("{source: a.raw, output: o}", "{source: b.raw, output: ./o}", "output"),
        (f"{{source: a.raw, id: {ID}}}", f"{{source: b.raw, id: {ID}}}", "id"),
    ],
)
def test_both_lines_are_named(tmp_path: Path, first: str, second: str, kind: str) -> None:
    with pytest.raises(UsageError) as caught:
        planned(tmp_path, f"images:\n  - {first}\n  - {second}\n", "a.raw", "b.raw")
    path = tmp_path / "images.yaml"
    assert caught.value.message.startswith(f"{path}:3: {kind} '")
    assert caught.value.message.endswith(f"by {tmp_path}/a.raw ({path}:2)")
    assert f"of {tmp_path}/b.raw is already used" in caught.value.message


def test_two_files_of_one_pattern_cannot_have_one_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"name 'same' of .*b\.raw is already used"):
        planned(tmp_path, "images: [{source: '*.raw', name: same}]\n", "a.raw", "b.raw")


def test_the_same_name_in_other_clouds_is_fine(tmp_path: Path) -> None:
    text = "images: [{source: a.raw, clouds: [x]}, {source: a.raw, clouds: [x/R2]}]\n"
    assert len(planned(tmp_path, text, "a.raw").tasks) == 2


def test_an_output_is_not_its_source(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is the source itself"):
        planned(tmp_path, "images: [{source: a.raw, output: a.raw}]\n", "a.raw")
