"""What was read from a guest: known, with its evidence, or unknown, with the reason."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Known(Generic[T_co]):
    """A fact that was read. `evidence` is the guest path and what stood there."""

    value: T_co
    evidence: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A fact that could not be read, and why."""

    reason: str


Fact = Known[T] | Unknown


NOT_READ = Unknown("it was not read")
