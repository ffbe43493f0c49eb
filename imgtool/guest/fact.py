"""Turns what a reader returns or raises into a Fact, of a size that can be shown."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.model.facts import Fact, Known, T, Unknown
from imgtool.util.text import enumerated

MAX_LISTED = 200
"""Of a list of which one is enough to judge by."""
MAX_EVIDENCE_CHARACTERS = 20_000


def fact_of(read: Callable[[], Known[T]]) -> Fact[T]:
    """What `read` returns; Unknown with the reason where the guest's disk could not be read."""
    try:
        fact = read()
    except GuestReadError as error:
        return Unknown(shortened(str(error)))
    return replace(fact, evidence=shortened(fact.evidence))


def value_of(fact: Fact[T]) -> T:
    """The value for another fact that is built on it. Raises GuestReadError where it is not known."""
    if isinstance(fact, Unknown):
        raise GuestReadError(fact.reason)
    return fact.value


def listed(found: Iterable[str], nothing: str, separator: str = ", ") -> Known[tuple[str, ...]]:
    """The first MAX_LISTED of `found`, and the evidence says where there are more; they are not looked at.

    `nothing` is the evidence where there is none at all.
    """
    first = tuple(islice(found, MAX_LISTED + 1))
    kept = first[:MAX_LISTED]
    evidence = enumerated(kept, separator, MAX_LISTED)
    if len(first) > len(kept):
        evidence = f"the first {MAX_LISTED} of more: {evidence}"
    return Known(kept, evidence or nothing)


def shortened(text: str) -> str:
    """`text`, cut where it is longer than anybody reads."""
    if len(text) <= MAX_EVIDENCE_CHARACTERS:
        return text
    return f"{text[:MAX_EVIDENCE_CHARACTERS]} (and {len(text) - MAX_EVIDENCE_CHARACTERS} characters more)"
