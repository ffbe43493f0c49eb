"""Where unfinished uploads are noted; as root, and as a user without a home."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from imgtool.errors import UsageError
from imgtool.util import state_folder

NOBODY = 65534


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary directory, and no home."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    return folder


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_the_state_folder_of_the_environment_is_used(temporary: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = state_folder.uploads_folder()
    assert folder == tmp_path / "state" / "imgtool" / "uploads"
    assert [mode(path) for path in (folder, folder.parent, folder.parents[1])] == [0o700] * 3
    assert state_folder.uploads_folder() == folder


@pytest.mark.parametrize("home", [None, "/proc/none", "home"])
def test_a_dry_run_makes_no_folder(home: str | None, temporary: Path, tmp_path: Path, monkeypatch) -> None:
    if home is not None:
        monkeypatch.setenv("HOME", str(tmp_path / home))
    assert not state_folder.uploads_folder(dry_run=True).exists()
    assert list(tmp_path.rglob("*")) == [temporary]


@pytest.mark.parametrize("base", ["", "relative/state"])
def test_a_relative_one_is_ignored_for_the_home(
    base: str, temporary: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", base)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert state_folder.uploads_folder() == tmp_path / "home" / ".local" / "state" / "imgtool" / "uploads"


@pytest.mark.parametrize("home", [None, "", "/proc/none", "/dev/null"])
def test_without_a_home_it_is_below_the_temporary_directory(
    home: str | None, temporary: Path, monkeypatch
) -> None:
    if home is not None:
        monkeypatch.setenv("HOME", home)
    folder = state_folder.uploads_folder()
    assert folder == temporary / f"imgtool-uploads-{os.geteuid()}"
    assert mode(folder) == 0o700
    assert state_folder.uploads_folder() == folder


def test_a_home_that_is_somebody_elses_is_not_used(temporary: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    os.chown(state_folder.uploads_folder(), NOBODY, NOBODY)
    assert state_folder.uploads_folder().parent == temporary


def planted_link(path: Path) -> None:
    path.with_name("elsewhere").mkdir(mode=0o700)
    path.symlink_to("elsewhere")


def planted_folder(path: Path) -> None:
    path.mkdir(mode=0o700)
    os.chown(path, NOBODY, NOBODY)


def planted_open_folder(path: Path) -> None:
    path.mkdir()
    path.chmod(0o777)


@pytest.mark.parametrize("plant", [planted_link, planted_folder, planted_open_folder, Path.touch])
def test_what_somebody_else_put_there_is_refused(plant, temporary: Path) -> None:
    plant(temporary / f"imgtool-uploads-{os.geteuid()}")
    with pytest.raises(UsageError, match="not a folder of this user only") as refused:
        state_folder.uploads_folder()
    assert "XDG_STATE_HOME" in refused.value.hint


def test_no_place_at_all_is_said(temporary: Path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/proc/none")
    with pytest.raises(UsageError, match="no folder"):
        state_folder.uploads_folder()


def test_nobody_has_a_folder_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Loads all before it changes its user: nobody may not read the checkout."""
    code = (
        "import os, sys, tempfile; from imgtool.util import state_folder; "
        f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY}); "
        "print(state_folder.uploads_folder()); print(os.stat(state_folder.uploads_folder()).st_uid)"
    )
    with tempfile.TemporaryDirectory(prefix="state-", dir="/var/tmp") as temporary:
        Path(temporary).chmod(0o1777)
        closed = Path(temporary, "closed")
        closed.mkdir(mode=0o755)
        env = {**os.environ, "TMPDIR": temporary, "HOME": str(closed), "XDG_STATE_HOME": str(closed)}
        run = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
        )
        assert run.stdout.split() == [f"{temporary}/imgtool-uploads-{NOBODY}", str(NOBODY)]
        assert list(closed.iterdir()) == []
