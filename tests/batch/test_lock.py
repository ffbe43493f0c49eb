"""One run at a time, and a killed one does not hinder the next."""

import subprocess
import sys
from pathlib import Path

import pytest

from imgtool.batch.journal_file import Lock
from imgtool.errors import UsageError


def test_one_at_a_time(tmp_path: Path) -> None:
    first, second = Lock(tmp_path / "j"), Lock(tmp_path / "j")
    assert not second.is_taken()
    first.take()
    assert second.is_taken()
    with pytest.raises(UsageError, match="another run") as caught:
        second.take()
    assert "--status" in caught.value.hint
    first.release()
    assert not second.is_taken()
    assert list(tmp_path.iterdir()) == []
    second.take()
    second.release()
    second.release()


TAKE = """
import pathlib, sys, time
from imgtool.batch.journal_file import Lock

Lock(pathlib.Path(sys.argv[1])).take()
print("taken", flush=True)
time.sleep(600)
"""


def test_a_killed_run_holds_nothing(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "j")
    argv = [sys.executable, "-c", TAKE, tmp_path / "j"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "taken\n"
        assert lock.is_taken()
        process.kill()
    assert (tmp_path / "j.lock").exists()
    assert not lock.is_taken()
    lock.take()
    lock.release()
    assert list(tmp_path.iterdir()) == []
