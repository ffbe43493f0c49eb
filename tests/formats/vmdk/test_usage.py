"""What the tables of a VMDK may not name, and how long it takes to see that they do not."""

import os
import re
import struct
import time
from pathlib import Path

import pytest
from support.hostile.vmdk_tables import MORE_ROWS
from support.images import judgement, patch
from support.vmdk_images import SECTOR, Spec, write_vmdk

from imgtool.errors import ImageUnreadableError
from imgtool.formats.layout import read_layout
from imgtool.formats.source import open_source


@pytest.mark.parametrize("name", MORE_ROWS)
def test_it_is_refused(name: str, tmp_path: Path) -> None:
    build, says = MORE_ROWS[name]
    answer = judgement(build(tmp_path, tmp_path))
    assert isinstance(answer, ImageUnreadableError)
    assert re.search(says, answer.message)


def _dense(path: Path, tables: int, order: int, *, compressed: bool = False) -> Path:
    """A file of holes with `tables` tables. Each entry names a grain, `order` behind the one before."""
    made = write_vmdk(path, {}, Spec(compressed=compressed), tables * 512 * 128)
    first = made.directory + -(-tables * 4 // SECTOR)
    patch(path, made.directory * SECTOR, struct.pack(f"<{tables}I", *range(first, first + tables * 4, 4)))
    base = -(-(first + tables * 4) // 128) * 128
    count = tables * 512
    places = [base + number * order % count * 128 for number in range(count)]
    patch(path, first * SECTOR, struct.pack(f"<{count}I", *places))
    os.truncate(path, (base + count * 128) * SECTOR)
    return path


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "compressed"])
@pytest.mark.parametrize("order", [1, 7919], ids=["in order", "in any order"])
def test_half_a_million_grains_are_seen_in_time(order: int, compressed: bool, tmp_path: Path) -> None:
    """32 GiB of disk. A TiB has 32 times as many: 3 seconds in order, and not minutes in any."""
    path = _dense(tmp_path / "x.vmdk", 1024, order, compressed=compressed)
    with open_source(path) as file:
        started = time.process_time()
        read_layout("vmdk", file.read_at, file.size_bytes).check()
        assert time.process_time() - started < 1.5
