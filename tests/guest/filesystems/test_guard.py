"""The wrapper that makes one kind of error of all."""

import pytest
from dissect.util.compression import lzo

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.guard import MAX_REASON_CHARS, guarded

BEFORE_ITS_OUTPUT = bytes((18, 97, 0x60, 0xFF, 17, 0, 0))
"""LZO: one byte as it is, then a copy of what stands 2 KiB before it."""


@pytest.mark.parametrize(
    "error", [KeyError("x"), EOFError(), RecursionError(), MemoryError(), ValueError("\x1b[")]
)
def test_an_exception_names_the_place(error: Exception) -> None:
    with pytest.raises(GuestReadError, match=r"^ext4:/a cannot be read") as caught, guarded("ext4:/a"):
        raise error
    assert f"({type(error).__name__}: " in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_panic_of_a_library_in_rust_is_no_more_than_that() -> None:
    with pytest.raises(GuestReadError, match="btrfs:/a cannot be read"), guarded("btrfs:/a"):
        lzo.decompress(BEFORE_ITS_OUTPUT, header=False, buflen=4096)


def test_a_reason_is_not_endless() -> None:
    with pytest.raises(GuestReadError) as caught, guarded("x"):
        raise ValueError("a" * 9999)
    assert len(str(caught.value)) < MAX_REASON_CHARS + 50


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GuestReadError])
def test_what_is_no_damage_passes(error: type[BaseException]) -> None:
    with pytest.raises(error, match=r"^as it is$"), guarded("x"):
        raise error("as it is")
