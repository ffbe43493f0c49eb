"""One function that runs in a thread while its caller does something else."""

from collections.abc import Callable
from contextvars import copy_context
from threading import Thread
from typing import Generic, TypeVar

T = TypeVar("T")


class Beside(Generic[T]):
    """Runs `work` from now on. Nobody waits for it who does not ask for its value.

    It is not interrupted when the caller is: it should be short, or bounded, and change nothing.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._value: T
        self._failure: BaseException | None = None
        self._thread = Thread(target=copy_context().run, args=(self._run,), daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._value = self._work()
        except BaseException as error:  # raised where the value is asked for
            self._failure = error

    def value(self) -> T:
        """Wait for what `work` returns, and raise what it raised."""
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        return self._value
