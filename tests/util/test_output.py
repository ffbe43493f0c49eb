import os
from pathlib import Path

import pytest

from imgtool.errors import ConversionError, UsageError
from imgtool.util.output import written_beside


def test_appears_complete_with_the_rights_of_any_new_file(tmp_path: Path) -> None:
    target, other = tmp_path / "target", tmp_path / "other"
    other.touch()
    with written_beside(target, overwrite=False) as new:
        os.write(new.descriptor, b"content")
        assert not target.exists()
    assert target.read_text() == "content"
    assert target.stat().st_mode == other.stat().st_mode
    assert target.stat().st_nlink == 1
    assert sorted(os.listdir(tmp_path)) == ["other", "target"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_nothing_is_left_on_any_exception(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "target"
    target.write_text("old")
    with pytest.raises(error), written_beside(target, overwrite=True) as new:
        os.write(new.descriptor, b"half")
        raise error
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["target"]


def test_what_appeared_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "target"
    with pytest.raises(UsageError, match="appeared"), written_beside(target, overwrite=False) as new:
        os.write(new.descriptor, b"ours")
        target.write_text("theirs")
    assert target.read_text() == "theirs"
    assert os.listdir(tmp_path) == ["target"]


def test_a_folder_of_our_own_is_no_link(tmp_path: Path) -> None:
    """Who owns the folder around it could put one in its place."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / ".imgtool-batch-1").symlink_to(elsewhere)
    with (
        pytest.raises(ConversionError, match="cannot write into"),
        written_beside(tmp_path / ".imgtool-batch-1/target", overwrite=False),
    ):
        pytest.fail("it was opened")
    assert os.listdir(elsewhere) == []


def test_a_file_system_without_files_that_have_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgtool.util.output._without_a_name", lambda _: -1)
    target = tmp_path / "target"
    for content in (b"first", b"second"):
        with written_beside(target, overwrite=True) as new:
            os.write(new.descriptor, content)
            assert len(os.listdir(tmp_path)) == (1 if content == b"first" else 2)
        assert target.read_bytes() == content
    with pytest.raises(UsageError, match="appeared"), written_beside(target, overwrite=False) as new:
        os.write(new.descriptor, b"third")
    assert os.listdir(tmp_path) == ["target"]


def test_nobody_may_read_it_who_may_not_read_its_source(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.touch(mode=0o600)
    with written_beside(target, overwrite=False, made_of=[source.stat()]):
        pass
    assert target.stat().st_mode & 0o777 == 0o600


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / f".imgtool-{'0' * 32}.partial"
    left.write_bytes(b"half")
    with written_beside(tmp_path / "target", overwrite=False):
        pass
    assert os.listdir(tmp_path) == ["target"]
