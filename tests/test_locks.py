import os
from pathlib import Path

from imgtool import locks


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
