"""Makes cases of a target: the same ones for the same seed of chance, until the outcomes say otherwise."""

from pathlib import Path
from random import Random

from fuzz import binary, words
from fuzz.model import Case, Edit, Seed, Target
from fuzz.mutant import Mutant
from fuzz.places import Aim

_MORE = 0.45
"""How likely one edit more is."""
_MAX_EDITS = 24
_CUT, _GROW, _FROM_POOL = 0.03, 0.06, 0.35
_MAX_POOL = 2000


class Mutator:
    """Chooses a seed, or an earlier case with an outcome of its own, and changes it."""

    def __init__(self, target: Target, seeds: list[Seed], number: int) -> None:
        self._chance = Random(number)  # noqa: S311 - nothing is kept secret by it
        self.target = target
        self.seeds = {seed.name: seed for seed in seeds}
        self._aims = {seed.name: Aim(seed, self._chance) for seed in seeds}
        self._pool: list[Case] = []

    def next(self) -> Case:
        """One case more."""
        chance = self._chance
        if self._pool and chance.random() < _FROM_POOL:
            base = chance.choice(self._pool)
        else:
            base = Case(chance.choice(list(self.seeds)), ())
        edits = list(base.edits[: _MAX_EDITS // 2])
        while True:
            edits.append(self._edit(self.seeds[base.seed]))
            if len(edits) >= _MAX_EDITS or chance.random() > _MORE:
                break
        return self._repaired(Case(base.seed, tuple(edits)))

    def keep(self, case: Case) -> None:
        """Its outcome was new: go on from there."""
        if len(self._pool) < _MAX_POOL:
            self._pool.append(case)

    def _edit(self, seed: Seed) -> Edit:
        aim, chance = self._aims[seed.name], self._chance
        if chance.random() < _CUT:
            return binary.cut(aim, chance)
        if self.target.text and chance.random() < 0.85:
            return chance.choice(words.MUTATORS)(aim, chance, seed.tokens)
        edit = chance.choice(binary.MUTATORS)(aim, chance)
        if isinstance(seed.content, Path) or chance.random() > _GROW:
            return edit
        return Edit(edit.offset, chance.choice((0, len(edit.data) * 2)), edit.data)

    def _repaired(self, case: Case) -> Case:
        if self.target.repair is None or self._chance.random() < 0.5:
            return case
        return Case(case.seed, case.edits + self.target.repair(Mutant(self.seeds[case.seed], case.edits)))
