"""What became of a limit that imgtool has to keep."""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Limited(Protocol):
    """A bar of any bench."""

    @property
    def limit(self) -> float:
        """The most that the figure may be."""

    @property
    def title(self) -> str:
        """One line that says what is measured."""


B = TypeVar("B", bound=Limited)


@dataclass(frozen=True, slots=True)
class Verdict(Generic[B]):
    """What became of a bar; `value` None where there are no figures to judge by."""

    bar: B
    value: float | None

    @property
    def met(self) -> bool:
        """No figures, not met."""
        return self.value is not None and self.value <= self.bar.limit

    @property
    def word(self) -> str:
        """For people."""
        if self.value is None:
            return "not measured"
        return "met" if self.met else "NOT MET"
