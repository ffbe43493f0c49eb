"""The file is told from others, and synced as it should be."""

import sqlite3
from pathlib import Path

import pytest

from imgtool.batch import journal_file
from imgtool.errors import UsageError


def test_every_note_is_synced_and_no_log_stays_beside_the_file(tmp_path: Path) -> None:
    connection = journal_file.connect(tmp_path / "j", make=True)
    extra = 3
    assert connection.execute("PRAGMA synchronous").fetchone() == (extra,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    connection.close()


def test_another_database_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE tasks (a)")
    other.close()
    content = path.read_bytes()
    for make in (True, False):
        with pytest.raises(UsageError, match="is no journal of a batch"):
            journal_file.connect(path, make=make)
    assert path.read_bytes() == content


def test_a_journal_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    connection = journal_file.connect(tmp_path / "j", make=True)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(UsageError, match="version 99") as caught:
        journal_file.connect(tmp_path / "j", make=False)
    assert "update imgtool" in caught.value.hint


def test_names_that_a_uri_would_understand_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "a?mode=memory#%41"
    journal_file.connect(path, make=True).close()
    assert path.is_file()


def test_a_new_journal_is_for_its_user_only(tmp_path: Path) -> None:
    """It holds what was found in images, which others may not be allowed to read."""
    journal_file.connect(tmp_path / "j", make=True).close()
    assert (tmp_path / "j").stat().st_mode & 0o777 == 0o600
