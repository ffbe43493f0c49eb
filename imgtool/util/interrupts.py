"""Puts off an interruption while something must not be torn apart: started, but not yet written down.

The command line's signal handlers call `interrupt`; whoever starts a process or makes a file does it, and
notes it for the clean-up, inside `deferred`.
"""

from collections.abc import Iterator
from contextlib import contextmanager


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
    _State.depth += 1
    try:
        yield
    finally:
        _State.depth -= 1
        if _State.pending and not _State.depth:
            _State.pending = False
            raise KeyboardInterrupt
