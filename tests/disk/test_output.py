import os
from pathlib import Path

import pytest

from imgtool.disk.output import written_beside
from imgtool.errors import UsageError


def test_appears_complete_with_the_rights_of_any_new_file(tmp_path: Path) -> None:
    target, other = tmp_path / "target", tmp_path / "other"
    other.touch()
    with written_beside(target, overwrite=False) as temporary:
        temporary.write_text("content")
        assert not target.exists()
        assert temporary.parent == target.parent
    assert target.read_text() == "content"
    assert target.stat().st_mode == other.stat().st_mode
    assert target.stat().st_nlink == 1
    assert sorted(os.listdir(tmp_path)) == ["other", "target"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_nothing_is_left_on_any_exception(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "target"
    target.write_text("old")
    with pytest.raises(error), written_beside(target, overwrite=True) as temporary:
        temporary.write_text("half")
        raise error
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["target"]


def test_what_appeared_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "target"
    with pytest.raises(UsageError, match="appeared"), written_beside(target, overwrite=False) as temporary:
        temporary.write_text("ours")
        target.write_text("theirs")
    assert target.read_text() == "theirs"
    assert os.listdir(tmp_path) == ["target"]
