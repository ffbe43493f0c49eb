"""A guest that is a program of the tests: what it does is known."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TextIO

import pytest

from imgtool.boot.guest import Guest, started

PROGRAM = Path(__file__).parents[1] / "support/made_guest.py"
Play = Callable[..., AbstractContextManager[Guest]]


@pytest.fixture
def play() -> Play:
    """A guest that does what the words of the script say, one after the other; then it stays."""

    def make(*script: str, keep: TextIO | None = None) -> AbstractContextManager[Guest]:
        return started(sys.executable, lambda *ends: [str(PROGRAM), *map(str, ends), *script], (), keep)

    return make
