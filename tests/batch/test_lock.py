"""One run at a time, and a killed one does not hinder the next."""

import multiprocessing
from pathlib import Path

import pytest

from imgtool.batch.lock import Lock
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


def _take(path: Path, taken: "multiprocessing.synchronize.Event") -> None:
    Lock(path).take()
    taken.set()
    multiprocessing.Event().wait()


def test_a_killed_run_holds_nothing(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    taken = spawn.Event()
    process = spawn.Process(target=_take, args=(tmp_path / "j", taken))
    process.start()
    assert taken.wait(60)
    lock = Lock(tmp_path / "j")
    assert lock.is_taken()
    process.kill()
    process.join()
    assert (tmp_path / "j.lock").exists()
    assert not lock.is_taken()
    lock.take()
    lock.release()
    assert list(tmp_path.iterdir()) == []
