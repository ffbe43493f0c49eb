"""Turns what a reader returns or raises into a Fact."""

from collections.abc import Callable

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.model.facts import Fact, Known, T, Unknown


def fact_of(read: Callable[[], Known[T]]) -> Fact[T]:
    """What `read` returns; Unknown with the reason where the guest's disk could not be read."""
    try:
        return read()
    except GuestReadError as error:
        return Unknown(str(error))
