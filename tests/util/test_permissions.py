"""The modes of what is made, by those of what it is made of."""

import os
from pathlib import Path

import pytest

from imgtool.util.output import current_umask, limit, output_mode

OURS, THEIRS = 1000, 2000


def source(mode: int, group: int = OURS) -> os.stat_result:
    return os.stat_result((0o100000 | mode, 1, 1, 1, 1000, group, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("mode", "group", "umask", "expected"),
    [
        (0o600, OURS, 0o022, 0o600),
        (0o400, OURS, 0o022, 0o600),
        (0o640, OURS, 0o022, 0o640),
        (0o660, OURS, 0o022, 0o640),
        (0o660, OURS, 0o002, 0o660),
        (0o644, OURS, 0o022, 0o644),
        (0o644, OURS, 0o077, 0o600),
        (0o777, OURS, 0o000, 0o666),
        (0o604, OURS, 0o022, 0o604),
        (0o640, THEIRS, 0o022, 0o600),
        (0o660, THEIRS, 0o002, 0o600),
        (0o644, THEIRS, 0o022, 0o644),
    ],
)
def test_nobody_may_do_more_than_with_the_source(mode: int, group: int, umask: int, expected: int) -> None:
    assert output_mode([source(mode, group)], umask, OURS) == expected


def test_of_several_sources_each_counts() -> None:
    assert output_mode([source(0o644), source(0o600)], 0o022, OURS) == 0o600
    assert output_mode([], 0o022, OURS) == 0o644


def test_a_file_gets_its_mode(tmp_path: Path) -> None:
    image, made = tmp_path / "image", tmp_path / "made"
    image.touch(0o600)
    with made.open("wb") as file:
        limit(file.fileno(), [image.stat()])
        assert made.stat().st_mode & 0o777 == 0o600
        limit(file.fileno(), [])
        assert made.stat().st_mode & 0o777 == 0o666 & ~current_umask()


def test_the_umask_is_that_of_the_process() -> None:
    before = os.umask(0o027)
    try:
        assert current_umask() == 0o027
    finally:
        os.umask(before)
