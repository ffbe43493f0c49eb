"""The data that flows, from a target's seeds to what was found."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fuzz.mutant import Mutant

Place = tuple[int, int]
"""Offset and length of what is worth changing."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One change: `length` bytes at `offset` become `data`, in a file that grows or shrinks by that.

    Nothing of a disk is moved: there both are equally long. Where `length` is None, the end is cut off.
    """

    offset: int
    length: int | None
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Seed:
    """What mutants are made of: bytes, or a raw disk that is only read."""

    name: str
    content: bytes | Path
    places: tuple[Place, ...] = ()
    """Empty: wherever it is not zero."""
    tokens: tuple[bytes, ...] = ()
    """Words that its readers look for."""


@dataclass(frozen=True, slots=True)
class Case:
    """One input: a seed and what is changed in it."""

    seed: str
    edits: tuple[Edit, ...]


Repair = Callable[["Mutant"], tuple[Edit, ...]]


@dataclass(frozen=True, slots=True)
class Target:
    """One parser, or a chain of them."""

    name: str
    seeds: Callable[[], list[Seed]]
    run: Callable[["Mutant"], str]
    """Reads the mutant; says in a word or a message what became of it. AssertionError: a wrong pass."""
    expected: tuple[type[Exception], ...] = ()
    """What it may raise by its documentation."""
    text: bool = False
    repair: Repair | None = None
    """Makes checksums right, for every second mutant: else only they would be tested."""
    share: int = 10
    """How many inputs it gets of a run over all targets: cheap ones get more."""


@dataclass(frozen=True, slots=True)
class Find:
    """An input that did what none may do."""

    target: str
    case: Case
    kind: str
    """raised, wrong, slow, memory or killed."""
    where: str
    """Type of the error and the line of imgtool; equal finds have it equal."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Spent:
    """What inputs took."""

    cpu_seconds: float = 0.0
    slowest_seconds: float = 0.0
    """CPU time of the slowest, without that of programs which it starts."""
    grown_bytes: int = 0
    """Memory that a worker took beyond what it began with."""

    def and_also(self, other: "Spent") -> "Spent":
        """Both."""
        return Spent(
            self.cpu_seconds + other.cpu_seconds,
            max(self.slowest_seconds, other.slowest_seconds),
            max(self.grown_bytes, other.grown_bytes),
        )


@dataclass(slots=True)
class Tally:
    """What a run of a target came to."""

    inputs: int = 0
    spent: Spent = Spent()
    outcomes: int = 0
    finds: dict[str, Find] = field(default_factory=dict)
    repeated: int = 0
    """Finds that were one of these again."""

    def add(self, other: "Tally") -> None:
        """Another part of the same."""
        self.inputs += other.inputs
        self.spent = self.spent.and_also(other.spent)
        self.outcomes += other.outcomes
        self.repeated += other.repeated + len(self.finds.keys() & other.finds.keys())
        self.finds = other.finds | self.finds
