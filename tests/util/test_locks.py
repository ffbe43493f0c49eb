import os
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from imgtool.util import locks, waiting


def test_only_one_has_it_until_its_end(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    first, second = os.open(path, os.O_RDWR), os.open(path, os.O_RDWR)
    try:
        assert locks.take(first)
        assert locks.take(first)
        assert not locks.take(second)
    finally:
        os.close(first)
    try:
        assert locks.take(second)
    finally:
        os.close(second)


def test_who_waits_gets_it_when_it_is_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with ExitStack() as first:
        assert first.enter_context(locks.held(path, lambda: True))
        with locks.held(path, lambda: True) as taken:
            assert not taken
        end = threading.Timer(0.2, first.close)
        end.start()
        with locks.held(path, waiting.after(10)) as taken:
            assert taken
        end.join()
    assert list(tmp_path.iterdir()) == []


def test_a_lock_whose_file_is_gone_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who had it removed the file between our opening it and our locking it."""
    path, tries = tmp_path / "lock", []

    def take(descriptor: int) -> bool:
        if not tries:
            path.unlink()
        tries.append(descriptor)
        return True

    monkeypatch.setattr(locks, "take", take)
    descriptor = locks.open_locked(path)
    assert descriptor is not None
    assert len(tries) == 2
    locks.release(path, descriptor)


def test_stale_files_are_cleared_and_those_in_use_are_not(tmp_path: Path) -> None:
    (tmp_path / "stale.lock").touch()
    (tmp_path / "other").touch()
    with locks.held(tmp_path / "used.lock", lambda: True):
        locks.clear_stale(tmp_path, "*.lock")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "used.lock"]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"), locks.held(tmp_path / "lock", lambda: True):
        pass
    assert not (tmp_path / "elsewhere").exists()
