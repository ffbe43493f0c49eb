"""Whether an error means that a process had no memory left, in the words of whatever noticed it first."""

import errno

_WORDS = ("can't start new thread", "cannot allocate memory", "failed to map segment from shared object")
"""Of Python, which had no room for a thread's stack, and of ld.so, which had none for a library."""


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether `error`, or one that it was made of, is what the limit of the address space looks like."""
    while error is not None:
        words = str(error).lower() if isinstance(error, (RuntimeError, ImportError)) else ""
        if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
            return True
        if any(one in words for one in _WORDS):
            return True
        error = error.__cause__ or error.__context__
    return False
