"""Every hostile image is refused, quickly, and without a byte of the file that it wanted to read."""

import re
import time
from pathlib import Path

import pytest
from support.hostile import ROWS, with_giant_l1

from imgtool.errors import ImageUnreadableError, ImgtoolError, UnsafeImageError
from imgtool.formats import admit

SECRET = "root:CANARY-bd2c1e:0:0\n" * 100
MAX_SECONDS = 0.5
"""Of the processor. It is a thousandth of a second for the most."""
MAX_GIANT_SECONDS = 2.0
"""For the largest table that there can be: 0.65 in the worst case."""


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    path = tmp_path / "canary"
    path.write_text(SECRET)
    return path


def _refusal(path: Path, claimed_format: str | None = None, max_seconds: float = MAX_SECONDS) -> ImgtoolError:
    started = time.process_time()
    with pytest.raises((ImageUnreadableError, UnsafeImageError)) as caught:
        admit(path, claimed_format)
    assert time.process_time() - started < max_seconds
    return caught.value


@pytest.mark.parametrize("name", ROWS)
def test_hostile_images_are_refused(name: str, tmp_path: Path, canary: Path):
    build, says = ROWS[name]
    path = build(tmp_path, canary)
    accessed = canary.stat().st_atime_ns
    error = _refusal(path)
    assert error.exit_status == 3
    assert error.message.startswith(f"{path}: ")
    assert re.search(says, error.message)
    assert "CANARY" not in error.message + error.hint
    assert canary.stat().st_atime_ns == accessed


@pytest.mark.parametrize(
    "name", ["backing_file", "vmdk_with_a_parent", "qed", "luks_2", "external_data_file"]
)
def test_saying_raw_does_not_help_them(name: str, tmp_path: Path, canary: Path):
    assert _refusal(ROWS[name][0](tmp_path, canary), "raw").exit_status == 3


def test_a_terminal_escape_in_a_backing_file_name_is_not_printed(tmp_path: Path, canary: Path):
    path = ROWS["backing_file"][0](tmp_path, tmp_path / "\x1b[31mcanary")
    assert "\x1b" not in _refusal(path).message


@pytest.mark.parametrize("which", ["in the disk's order", "in any order", "beyond"])
def test_giant_tables_are_judged_in_time(which: str, tmp_path: Path):
    count = 4 << 20
    step = 1 if which == "in the disk's order" else 2654435761
    clusters = [(1 << 15) + number * step % count for number in range(count)]
    clusters[-1] = 1 << 40 if which == "beyond" else clusters[0]
    path = with_giant_l1(tmp_path / "x.qcow2", clusters)
    says = "beyond the file's end" if which == "beyond" else "the same entry twice"
    assert says in _refusal(path, max_seconds=MAX_GIANT_SECONDS).message


def test_a_giant_table_of_valid_entries_is_refused_for_its_holes(tmp_path: Path):
    """Each names a table of zeros, of which the file keeps none: `qemu-img check` would read 16 GiB."""
    path = with_giant_l1(tmp_path / "x.qcow2", range(1 << 15, (1 << 15) + (4 << 20)))
    message = _refusal(path, max_seconds=MAX_GIANT_SECONDS).message
    assert "its tables would take 16.0 GiB" in message
    assert "most of them are holes" in message
