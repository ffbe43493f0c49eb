"""A part of an open file is read as if it were a file of its own."""

import os
from pathlib import Path

import pytest

from imgtool.errors import ImageUnreadableError
from imgtool.formats.source import open_file, open_source

CONTENT = bytes(range(256)) * 64


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "file"
    made.write_bytes(CONTENT)
    return made


@pytest.mark.parametrize(("start", "size"), [(0, 16384), (512, 1000), (16383, 1), (100, 16284)])
@pytest.mark.parametrize("offset", [0, 1, 999, 20_000])
def test_nothing_beyond_a_part_is_read(path: Path, start: int, size: int, offset: int) -> None:
    with open_source(path) as whole:
        part, wanted = whole.part(start, size), CONTENT[start : start + size][offset:]
        assert part.read_at(offset, 1 << 20) == wanted
        view = memoryview(bytearray(b"-" * 20_000))
        count = part.read_into(offset, view)
        assert (max(0, count), view[: len(wanted)]) == (len(wanted), wanted)
        assert set(view[len(wanted) :]) == {ord("-")}
        assert part.part(1, 2).read_at(0, 9) == part.read_at(1, 2)


def test_the_holes_of_a_part(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.seek(1 << 20)
        file.write(b"data".ljust(4096))
        file.truncate(3 << 20)
    with open_source(path) as whole:
        part = whole.part(1 << 19, 1 << 20)
        assert (part.next_data(0), part.next_hole(1 << 19)) == (1 << 19, (1 << 19) + 4096)
        assert part.next_data((1 << 19) + 4096) == part.size_bytes


def test_a_name_in_a_folder_is_no_link(path: Path) -> None:
    link = path.with_name("link")
    link.symlink_to(path)
    folder = os.open(path.parent, os.O_PATH)
    try:
        assert open_file("file", directory=folder).read_at(0, 4) == CONTENT[:4]
        with pytest.raises(ImageUnreadableError, match="a symbolic link"):
            open_file("link", directory=folder)
    finally:
        os.close(folder)
