from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from imgtool.util import interrupts


def test_an_interruption_is_raised_at_once() -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupts.interrupt()


def test_it_waits_for_the_end_of_the_block() -> None:
    reached = []
    with pytest.raises(KeyboardInterrupt), interrupts.deferred():
        with interrupts.deferred():
            interrupts.interrupt()
        reached.append("the end")
    assert reached == ["the end"]


def test_it_is_raised_only_once() -> None:
    with pytest.raises(KeyboardInterrupt), interrupts.deferred():
        interrupts.interrupt()
        interrupts.interrupt()
    with interrupts.deferred():
        pass


def test_other_threads_neither_put_it_off_nor_get_it() -> None:
    """A thread stays in its block while the main thread is interrupted."""
    inside, leave = Event(), Event()

    def hold() -> str:
        with interrupts.deferred():
            inside.set()
            leave.wait(10)
        return "not interrupted"

    with ThreadPoolExecutor(1) as threads:
        held = threads.submit(hold)
        assert inside.wait(10)
        with pytest.raises(KeyboardInterrupt):
            interrupts.interrupt()
        leave.set()
        assert held.result() == "not interrupted"
