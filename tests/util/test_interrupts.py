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
