"""What killed runs left is removed, and nothing else."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgtool.util import leftovers
from imgtool.util.leftovers import new_file, new_folder, remove_stale, remove_stale_folders

NEW, OLD = f".imgtool-{'0a' * 16}.partial", f".imgtool-{'0a' * 8}.partial"
FOLDER = f"imgtool-run-{'0a' * 8}"


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def age(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds, time.time() - seconds))


def test_what_a_living_process_writes_stays(directory: int, tmp_path: Path) -> None:
    name, descriptor = new_file(directory)
    folder, held = new_folder(directory)
    assert remove_stale(directory) == remove_stale_folders(directory) == 0
    assert sorted(os.listdir(tmp_path)) == sorted([name, folder])
    os.close(descriptor)
    os.close(held)
    assert (remove_stale(directory), remove_stale_folders(directory)) == (1, 1)
    assert os.listdir(tmp_path) == []


def test_what_a_killed_process_left_goes(directory: int, tmp_path: Path) -> None:
    code = (
        "import os, sys; from imgtool.util.leftovers import new_file, new_folder; "
        "d = os.open(sys.argv[1], os.O_RDONLY); a, b = new_file(d), new_folder(d); "
        "open(f'{sys.argv[1]}/{b[0]}/x', 'w'); print('ready', flush=True); sys.stdin.read()"
    )
    argv = [sys.executable, "-c", code, tmp_path]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert remove_stale(directory) == remove_stale_folders(directory) == 0
        child.kill()
    assert (remove_stale(directory), remove_stale_folders(directory)) == (1, 1)
    assert os.listdir(tmp_path) == []


def test_what_an_earlier_version_left_goes_after_a_day(directory: int, tmp_path: Path) -> None:
    """It took no lock: a day is longer than it writes."""
    (tmp_path / OLD).touch()
    assert remove_stale(directory) == 0
    age(tmp_path / OLD, leftovers.OLD_SECONDS + 60)
    assert remove_stale(directory) == 1


@pytest.mark.parametrize(
    "name",
    [
        NEW.removesuffix("al"),
        f"x{NEW}",
        NEW.upper(),
        f".imgtool-{'0g' * 16}.partial",
        f"{NEW}.bak",
        "imgtool-run-mine",
        f"imgtool-{'0a' * 8}",
    ],
)
def test_what_has_another_name_stays(name: str, directory: int, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    age(tmp_path / name, 1e7)
    (tmp_path / f"{name}.d").mkdir(0o700)
    assert remove_stale(directory) == remove_stale_folders(directory) == 0
    assert len(os.listdir(tmp_path)) == 2


def test_a_link_is_not_followed(directory: int, tmp_path: Path) -> None:
    """What somebody put there under such a name: neither it nor what it points at is touched."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(0o700)
    (elsewhere / "precious").touch()
    (tmp_path / NEW).symlink_to(elsewhere / "precious")
    (tmp_path / FOLDER).symlink_to(elsewhere)
    assert remove_stale(directory) == remove_stale_folders(directory) == 0
    assert (elsewhere / "precious").exists()
    assert (tmp_path / NEW).is_symlink()


def test_a_link_inside_is_not_followed(directory: int, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").touch()
    (tmp_path / FOLDER).mkdir(0o700)
    (tmp_path / FOLDER / "link").symlink_to(elsewhere)
    assert remove_stale_folders(directory) == 1
    assert (elsewhere / "precious").exists()


def test_what_is_of_another_kind_stays(directory: int, tmp_path: Path) -> None:
    """A pipe is not waited for."""
    os.mkfifo(tmp_path / NEW)
    (tmp_path / FOLDER).touch()
    assert remove_stale(directory) == remove_stale_folders(directory) == 0
    assert len(os.listdir(tmp_path)) == 2


@pytest.mark.parametrize("mode", [0o755, 0o770])
def test_a_folder_that_others_may_use_stays(mode: int, directory: int, tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER).chmod(mode)
    assert remove_stale_folders(directory) == 0


def test_what_is_of_another_user_stays(directory: int, tmp_path: Path) -> None:
    (tmp_path / NEW).touch()
    (tmp_path / FOLDER).mkdir(0o700)
    for name in (NEW, FOLDER):
        os.chown(tmp_path / name, 12345, 12345)
    assert remove_stale(directory) == remove_stale_folders(directory) == 0


def test_only_so_many_names_are_looked_at(directory: int, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(leftovers, "MAX_ENTRIES", 10)
    monkeypatch.setattr(leftovers, "MAX_REMOVED", 3)
    for number in range(20):
        (tmp_path / f".imgtool-{number:032x}.partial").touch()
    assert remove_stale(directory) == 3
    assert len(os.listdir(tmp_path)) == 17


def test_a_folder_that_cannot_be_read_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    descriptor = os.open(tmp_path / "file", os.O_RDONLY)
    try:
        assert remove_stale(descriptor) == remove_stale_folders(descriptor) == 0
    finally:
        os.close(descriptor)
