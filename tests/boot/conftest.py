"""A guest that is a program of the tests: what it does is known."""

import sys
import sysconfig
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TextIO

import pytest

from imgtool.boot.qemu import Guest, started
from imgtool.process.confined import Access

PROGRAM = Path(__file__).parents[1] / "support/made_guest.py"
ACCESS = Access(data=(PROGRAM, Path(sys.prefix), *map(Path, sysconfig.get_paths().values())), machine=True)
"""It is confined as QEMU is, and needs Python's library in place of firmware."""
Play = Callable[..., AbstractContextManager[Guest]]


@pytest.fixture
def play() -> Play:
    """A guest that does what the words of the script say, one after the other; then it stays."""

    def make(*script: str, keep: TextIO | None = None) -> AbstractContextManager[Guest]:
        return started(sys.executable, lambda *ends: [str(PROGRAM), *map(str, ends), *script], ACCESS, keep)

    return make
