"""What is noted of a cloud comes back; what cannot be read is nothing."""

from pathlib import Path

import pytest

from imgtool.glance import remembered
from imgtool.glance.remembered import Remembered

ENDPOINT = "https://cloud.example/image"


def test_what_was_noted_comes_back(tmp_path: Path) -> None:
    remembered.note_types(tmp_path, ENDPOINT, {"fast": "file"})
    remembered.note_import(tmp_path, ENDPOINT, converts=True)
    remembered.note_types(tmp_path, ENDPOINT, {"ceph": "rbd"})
    assert remembered.recall(tmp_path, ENDPOINT) == Remembered(
        ENDPOINT, {"fast": "file", "ceph": "rbd"}, converts=True
    )
    assert remembered.recall(tmp_path, f"{ENDPOINT}/other") == Remembered(f"{ENDPOINT}/other")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"endpoint":"x"}', b"\0" * (1 << 17)])
def test_a_note_that_cannot_be_read_is_none(content: bytes, tmp_path: Path) -> None:
    remembered.note_import(tmp_path, ENDPOINT, converts=True)
    (path,) = (tmp_path / remembered.FOLDER).iterdir()
    path.write_bytes(content)
    assert remembered.recall(tmp_path, ENDPOINT) == Remembered(ENDPOINT)
    remembered.note_import(tmp_path, ENDPOINT, converts=False)
    assert remembered.recall(tmp_path, ENDPOINT).converts is False


def test_a_folder_that_cannot_be_written_to_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / remembered.FOLDER).write_text("a file is in the way")
    remembered.note_import(tmp_path, ENDPOINT, converts=True)
    assert remembered.recall(tmp_path, ENDPOINT) == Remembered(ENDPOINT)
