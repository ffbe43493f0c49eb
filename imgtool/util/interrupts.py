"""Puts off an interruption while something must not be torn apart: started, but not yet written down.

The command line's signal handlers call `interrupt`; whoever starts a process or makes a file does it, and
notes it for the clean-up, inside `deferred`. Only the main thread is ever interrupted: in others `deferred`
does nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread


class _State:
    depth = 0
    pending = False


def interrupt() -> None:
    """Raise KeyboardInterrupt, at once or as soon as nothing defers it. Called in the main thread only."""
    if _State.depth:
        _State.pending = True
        return
    raise KeyboardInterrupt


@contextmanager
def deferred() -> Iterator[None]:
    """A block, short and never waiting, that no interruption tears apart."""
    if current_thread() is not main_thread():
        yield
        return
    _State.depth += 1
    try:
        yield
    finally:
        _State.depth -= 1
        if _State.pending and not _State.depth:
            _State.pending = False
            raise KeyboardInterrupt
