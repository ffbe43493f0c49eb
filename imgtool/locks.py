"""Locks on files, flock(2): they end with the process that has them, however that ends."""

import fcntl


def take(descriptor: int) -> bool:
    """Take the lock for oneself alone, without waiting; False where another process has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
