"""Every hostile image is refused, quickly, and without a byte of the file that it wanted to read."""

import re
import time
from pathlib import Path

import pytest
from support.hostile import ROWS

from imgtool.errors import ImageUnreadableError, ImgtoolError, UnsafeImageError
from imgtool.formats import admit

SECRET = "root:CANARY-bd2c1e:0:0\n" * 100
MAX_SECONDS = 2.0


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    path = tmp_path / "canary"
    path.write_text(SECRET)
    return path


def _refusal(path: Path, claimed_format: str | None = None) -> ImgtoolError:
    started = time.process_time()
    with pytest.raises((ImageUnreadableError, UnsafeImageError)) as caught:
        admit(path, claimed_format)
    assert time.process_time() - started < MAX_SECONDS
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


def test_giant_tables_are_judged_in_time(tmp_path: Path, canary: Path):
    """4 million L1 entries, the most that is allowed, all of them bad."""
    path = ROWS["giant_l1"][0](tmp_path, canary)
    with path.open("r+b") as file:
        file.seek(36)
        file.write((4 << 20).to_bytes(4, "big"))
        file.seek(int.from_bytes(file.read(8), "big"))
        file.write(b"".join((1 << 63 | n << 16).to_bytes(8, "big") for n in range(4 << 20)))
    assert "points" in _refusal(path).message
