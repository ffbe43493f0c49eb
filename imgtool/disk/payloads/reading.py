"""How a disk is read while it is sent."""

from imgtool.disk.engine import default_threads

_MOST_THREADS = 4
"""One reader hashes and sends all: more cores would only wait for it."""


def reading_threads() -> int:
    """How many load ahead."""
    return min(_MOST_THREADS, default_threads())
