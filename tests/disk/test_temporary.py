"""Temporary folders: nobody else's, gone at the end, and after a kill gone with the next one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from imgtool.disk.temporary import temporary_folder
from imgtool.errors import ImageUnreadableError


@pytest.fixture(autouse=True)
def top(tmp_path: Path, monkeypatch) -> Path:
    path = tmp_path / "tmp"
    path.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(path))
    return path


def test_it_is_this_users_only_and_goes(top: Path) -> None:
    with temporary_folder(Path("x")) as folder:
        assert folder.parent == top
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "below").mkdir()
        (folder / "below" / "file").touch()
    assert os.listdir(top) == []


def test_what_a_killed_run_left_goes_with_the_next(top: Path) -> None:
    code = (
        "import signal, sys, tempfile; from pathlib import Path; "
        "from imgtool.disk.temporary import temporary_folder; tempfile.tempdir = sys.argv[1]\n"
        "with temporary_folder(Path('x')) as folder:\n"
        "    (folder / 'copy').write_text('secret'); print('ready', flush=True); signal.pause()"
    )
    argv = [sys.executable, "-c", code, top]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with temporary_folder(Path("x")):
            assert len(os.listdir(top)) == 2  # it is alive
        child.send_signal(signal.SIGKILL)
    assert len(os.listdir(top)) == 1
    with temporary_folder(Path("x")) as folder:
        assert os.listdir(top) == [folder.name]


def test_where_none_can_be_made_the_image_is_named(top: Path) -> None:
    top.rmdir()
    refused = pytest.raises(
        ImageUnreadableError, match="x: its content cannot be written to a temporary file"
    )
    with refused, temporary_folder(Path("x")):
        pass
