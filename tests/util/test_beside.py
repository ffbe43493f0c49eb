"""A function that runs in a thread."""

from contextvars import ContextVar
from threading import Event

import pytest

from imgtool.util.beside import Beside


def test_it_runs_while_the_caller_does_something_else() -> None:
    told = Event()
    beside = Beside(lambda: told.wait(10))
    told.set()  # it would wait in vain if it ran before the caller went on
    assert beside.value()
    assert beside.value()


def test_what_it_raises_is_raised_where_its_value_is_asked_for() -> None:
    beside = Beside(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        beside.value()


def test_it_knows_what_its_caller_is_about() -> None:
    """So that what it logs names the image."""
    about: ContextVar[str] = ContextVar("about", default="nothing")
    about.set("x.qcow2")
    assert Beside(about.get).value() == "x.qcow2"
