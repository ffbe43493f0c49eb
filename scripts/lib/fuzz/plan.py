"""Who gets how much of a run."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from fuzz.model import Target
from fuzz.run import Amount

DEFAULT_INPUTS = 100_000
_NO_END = 10.0**9
_SEEDS_APART = 1_000_003


@dataclass(frozen=True, slots=True)
class Part:
    """What one job does of one target."""

    target: str
    amount: Amount
    seed: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A run."""

    targets: tuple[Target, ...]
    inputs: int | None
    """Of all; None where `seconds` say when it ends."""
    seconds: float | None
    seed: int
    jobs: int

    def parts(self, target: Target) -> Iterator[Part]:
        """One for each job, each with its own chance."""
        amount = self._amount(target)
        each = Amount(-(-amount.inputs // self.jobs), amount.seconds)
        return (Part(target.name, each, self.seed + job * _SEEDS_APART) for job in range(self.jobs))

    def _amount(self, target: Target) -> Amount:
        """Its share of all."""
        part = target.share / sum(one.share for one in self.targets)
        inputs = self.inputs if self.inputs or self.seconds else DEFAULT_INPUTS
        return Amount(
            inputs=max(1, round(inputs * part)) if inputs else sys.maxsize,
            seconds=self.seconds * part if self.seconds else _NO_END,
        )
