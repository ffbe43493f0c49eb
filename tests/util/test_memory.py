"""What a process says that has no memory left."""

import errno

import pytest

from imgtool.util.memory import is_out_of_memory


def behind(error: BaseException) -> ValueError:
    """An error that was made of `error`."""
    made = ValueError("no image")
    made.__cause__ = error
    return made


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError("can't start new thread"),
        ImportError("zlib.so: failed to map segment from shared object"),
        ImportError("libz.so.1: cannot allocate memory in static TLS block"),
    ],
    ids=str,
)
def test_it_is_seen_also_behind_another_error(error: BaseException) -> None:
    assert is_out_of_memory(error)
    assert is_out_of_memory(behind(error))


@pytest.mark.parametrize(
    "error", [None, ValueError("failed to map segment from shared object"), ImportError("no module named x")]
)
def test_other_errors_are_not(error: BaseException | None) -> None:
    assert not is_out_of_memory(error)
