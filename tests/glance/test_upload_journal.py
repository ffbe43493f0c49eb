import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from imgtool.errors import UsageError
from imgtool.glance.upload_journal import Entry, Journal

ENTRY = Entry(
    image_id="0b0e4d1e-8f5a-4c57-9c1c-8f6b0d0c7a11",
    endpoint="http://127.0.0.1:9292",
    project_id="p1",
    name="debian ü\n",
    members=("p2",),
    replaces=("i1", "i2"),
)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "state" / "uploads")


def left(
    journal: Journal,
    endpoint: str = ENTRY.endpoint,
    project_id: str = ENTRY.project_id,
    name: str | None = None,
) -> list[Entry]:
    return [entry for entry, _ in journal.abandoned(endpoint, project_id, name)]


def test_no_folder_is_nothing_left(journal: Journal) -> None:
    assert left(journal) == []
    assert not journal.folder.exists()


def test_an_entry_is_nobodys_while_its_block_lasts(journal: Journal) -> None:
    with journal.begin(ENTRY):
        assert left(journal) == []
    assert left(journal) == [ENTRY]


def test_one_of_that_name_that_somebody_cleans_up_is_waited_for(journal: Journal) -> None:
    with ExitStack() as cleaning:
        cleaning.enter_context(journal.begin(ENTRY))
        end = threading.Timer(0.3, cleaning.close)
        end.start()
        assert left(journal, name="another") == []
        assert left(journal, name=ENTRY.name) == [ENTRY]
        end.join()


def test_who_works_on_one_of_that_name_is_not_waited_for_for_long(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgtool.util.notes._LOCK_SECONDS", 0.2)
    with journal.begin(ENTRY):
        assert left(journal, name=ENTRY.name) == []


def test_the_last_line_counts(journal: Journal) -> None:
    with journal.begin(ENTRY) as page:
        page.write(replace(ENTRY, step="finishing"))
    assert left(journal) == [replace(ENTRY, step="finishing")]


def test_what_is_removed_is_gone(journal: Journal) -> None:
    with journal.begin(ENTRY) as page:
        page.remove()
    assert left(journal) == []
    assert list(journal.folder.iterdir()) == []


def test_an_abandoned_entry_is_removed_by_who_cleaned_up(journal: Journal) -> None:
    with journal.begin(ENTRY):
        pass
    for _, page in journal.abandoned(ENTRY.endpoint, ENTRY.project_id):
        page.remove()
    assert left(journal) == []


@pytest.mark.parametrize(("endpoint", "project_id"), [("http://else", "p1"), (ENTRY.endpoint, "p9")])
def test_other_clouds_and_projects_are_left_alone(journal: Journal, endpoint: str, project_id: str) -> None:
    with journal.begin(ENTRY):
        pass
    assert left(journal, endpoint, project_id) == []
    assert left(journal) == [ENTRY]


@pytest.mark.parametrize("torn", [b'{"image_id": "0b', b"\x00\xff", b'{"image_id": 1}\n', b"[]\n", b"{}\n"])
def test_a_torn_line_does_not_count(journal: Journal, torn: bytes) -> None:
    with journal.begin(ENTRY):
        pass
    with (journal.folder / f"{ENTRY.image_id}.json").open("ab") as file:
        file.write(torn)
    assert left(journal) == [ENTRY]


def test_a_fresh_empty_file_is_somebodys_start(journal: Journal) -> None:
    journal.folder.mkdir(parents=True)
    empty = journal.folder / "x.json"
    empty.touch()
    assert left(journal) == []
    assert empty.exists()
    os.utime(empty, (0, 0))
    assert left(journal) == []
    assert not empty.exists()


def test_a_link_is_not_followed(journal: Journal, tmp_path: Path) -> None:
    with journal.begin(ENTRY):
        pass
    page = journal.folder / f"{ENTRY.image_id}.json"
    page.rename(tmp_path / "elsewhere.json")
    page.symlink_to(tmp_path / "elsewhere.json")
    assert left(journal) == []


def test_the_lock_ends_with_the_process_however_it_ends(journal: Journal) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from imgtool.glance.upload_journal import Entry, Journal\n"
        "with Journal(Path(sys.argv[1])).begin(Entry('i', 'e', 'p', 'n')):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", program, journal.folder], check=False)
    assert ended.returncode == -9
    assert left(journal, "e", "p") == [Entry("i", "e", "p", "n")]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(UsageError, match="cannot be noted") as caught,
        Journal(tmp_path / "file" / "uploads").begin(ENTRY),
    ):
        pass
    assert "XDG_STATE_HOME" in caught.value.hint


def test_only_this_user_can_read_it(journal: Journal) -> None:
    with journal.begin(ENTRY):
        assert journal.folder.stat().st_mode & 0o777 == 0o700
        assert (journal.folder / f"{ENTRY.image_id}.json").stat().st_mode & 0o777 == 0o600


FULL = [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS]


@pytest.mark.parametrize("number", FULL)
@pytest.mark.parametrize("call", ["write", "fsync", "open"])
def test_a_disk_that_does_not_take_it(
    number: int, call: str, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said which folder it is, and what to do; there is no page then, not even an empty one."""
    journal.folder.mkdir(parents=True)
    with monkeypatch.context() as broken:
        broken.setattr(f"imgtool.util.notes.os.{call}", failing(number))
        with pytest.raises(UsageError) as caught, journal.begin(ENTRY):
            pass
    assert caught.value.message == f"{journal.folder}: uploads cannot be noted there: {os.strerror(number)}"
    assert "another" in caught.value.hint
    assert list(journal.folder.iterdir()) == []


def failing(number: int) -> Callable[..., int]:
    def fail(*_: object, **_more: object) -> int:
        raise OSError(number, os.strerror(number))

    return fail


def test_a_disk_that_fills_up_meanwhile(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    with journal.begin(ENTRY) as page:
        monkeypatch.setattr("imgtool.util.notes.os.fsync", failing(errno.ENOSPC))
        with pytest.raises(UsageError, match="No space left on device"):
            page.write(replace(ENTRY, step="finishing"))


def test_a_page_that_cannot_be_read_is_not_taken_for_an_empty_one(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with journal.begin(ENTRY):
        pass
    monkeypatch.setattr("imgtool.util.notes.os.pread", failing(errno.EIO))
    with pytest.raises(UsageError, match="Input/output error"):
        left(journal)
    assert len(list(journal.folder.iterdir())) == 1


def test_a_page_on_a_disk_that_became_read_only_stays(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with journal.begin(ENTRY) as page:
        monkeypatch.setattr(Path, "unlink", failing(errno.EROFS))
        page.remove()
    assert left(journal) == [ENTRY]


@pytest.mark.parametrize("number", FULL)
def test_a_lock_for_which_there_is_no_room(
    number: int, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgtool.util.locks.os.open", failing(number))
    with (
        pytest.raises(UsageError, match="cannot be noted there"),
        journal.name_lock("e", "p", "n", lambda: True),
    ):
        pass


def test_a_short_write_is_gone_on_with(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr("imgtool.util.notes.os.write", lambda to, data: write(to, data[:7]))
    with journal.begin(ENTRY):
        pass
    assert left(journal) == [ENTRY]
