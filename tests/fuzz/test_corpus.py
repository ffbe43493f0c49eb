"""What fuzzing found, and a short run of every target: `scripts/fuzz` is the long one."""

from pathlib import Path

import pytest
from fuzz import corpus
from fuzz.model import Case, Find
from fuzz.run import Amount, run_case, run_target
from fuzz.targets import TARGETS

INPUTS = 100
INPUTS_OF_SLOW_ONES = 40
"""Of whole guests and file systems, and where QEMU is asked: 10 to 20 ms each."""
QUICK_SHARE = 20
SEED = 20
NO_HURRY = 3600.0


@pytest.mark.parametrize(
    ("name", "path"), [pytest.param(*entry, id=entry[1].stem) for entry in corpus.entries()]
)
def test_what_was_found_is_mended(name: str, path: Path) -> None:
    found = run_case(TARGETS[name], corpus.as_case(TARGETS[name], path))
    assert not isinstance(found, Find), f"{found.where}\n{found.detail}"


@pytest.mark.parametrize("name", TARGETS)
def test_some_inputs_of(name: str) -> None:
    quick = TARGETS[name].share >= QUICK_SHARE and name not in {"qcow2", "other-images"}
    amount = Amount(INPUTS if quick else INPUTS_OF_SLOW_ONES, NO_HURRY)
    tally = run_target(TARGETS[name], amount, SEED)
    assert not tally.finds, "\n".join(
        f"{find.where}: {find.case}\n{find.detail}" for find in tally.finds.values()
    )
    assert tally.inputs == amount.inputs
    assert tally.outcomes > 1, "no input was read differently from another: the harness reaches nothing"


@pytest.mark.parametrize("name", TARGETS)
def test_an_intact_seed_is_read(name: str) -> None:
    target = TARGETS[name]
    for seed in target.seeds()[:4]:
        found = run_case(target, Case(seed.name, ()))
        assert not isinstance(found, Find), f"{seed.name}: {found.detail}"
