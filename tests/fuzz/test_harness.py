"""The harness itself: it finds what is there to be found, and says the same input again."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from fuzz import corpus, limits
from fuzz.minimise import minimised
from fuzz.model import Case, Edit, Find, Seed, Target
from fuzz.mutant import Mutant
from fuzz.mutate import Mutator
from fuzz.run import Amount, run_case, run_target

CONTENT = b"HEAD" + bytes(range(64)) + bytes(400) + b"TAIL" * 20
EDITS = (Edit(0, 4, b"head"), Edit(10, 0, b"more"), Edit(400, None))


def target(run: Callable[[Mutant], str], content: bytes | Path = CONTENT) -> Target:
    return Target("made-up", lambda: [Seed("one", content)], run, (ValueError,))


def raising(mutant: Mutant) -> str:
    if not mutant.content.startswith(b"HEAD"):
        raise ZeroDivisionError("found")
    return "fine"


def _slow(_mutant: Mutant) -> str:
    while True:
        pass


def _large(_mutant: Mutant) -> str:
    return str(len(bytearray(os.urandom(1)) * (limits.MEMORY_BYTES + (64 << 20))))


def _killed(_mutant: Mutant) -> str:
    os.kill(os.getpid(), signal.SIGTERM)
    return ""


def _wrong(_mutant: Mutant) -> str:
    raise AssertionError("QEMU reads other bytes")


class PanicError(BaseException):
    """As that of a library in Rust."""


def _panic(_mutant: Mutant) -> str:
    raise PanicError


@pytest.mark.parametrize(
    ("run", "kind"),
    [
        (raising, "raised"),
        (_slow, "slow"),
        (_large, "memory"),
        (_killed, "killed"),
        (_wrong, "wrong"),
        (_panic, "raised"),
    ],
)
def test_each_kind_is_found(run: Callable[[Mutant], str], kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CPU_SECONDS", 0.2 if kind == "slow" else 10)
    found = run_case(target(run), Case("one", (Edit(0, 1, b"x"),)))
    assert isinstance(found, Find)
    assert found.kind == kind


def test_an_expected_error_is_no_find() -> None:
    def run(_mutant: Mutant) -> str:
        raise ValueError("at 0x17, of 'name' 44")

    assert run_case(target(run), Case("one", ())) == "ValueError: at #, of ' #"


def test_a_run_finds_it_and_goes_on() -> None:
    tally = run_target(target(raising), Amount(300, 3600), 1)
    assert [find.where for find in tally.finds.values()] == ["ZeroDivisionError in test_harness.py:raising"]
    assert (tally.inputs, tally.repeated > 5, tally.outcomes) == (300, True, 1)


def test_a_worker_that_dies_is_replaced() -> None:
    def run(mutant: Mutant) -> str:
        return _killed(mutant) if mutant.size < len(CONTENT) else "fine"

    tally = run_target(target(run), Amount(60, 3600), 3)
    assert [find.kind for find in tally.finds.values()] == ["killed"]


def test_a_find_is_made_smaller() -> None:
    noise = tuple(Edit(100 + n, 1, b"y") for n in range(8))
    found = run_case(target(raising), Case("one", (*noise, Edit(0, 64, b"x" * 64), *noise)))
    assert isinstance(found, Find)
    small = minimised(target(raising), found).case.edits
    assert len(small) == 1
    assert len(small[0].data) <= 1


def test_the_same_chance_makes_the_same_cases() -> None:
    seeds = [Seed("one", CONTENT, tokens=(b"HEAD",))]
    made = [[Mutator(target(raising), seeds, 5).next() for _ in range(1)] for _ in range(2)]
    assert made[0] == made[1]


@pytest.mark.parametrize("text", [True, False])
def test_mutants_differ_from_their_seed(text: bool) -> None:
    mutator = Mutator(Target("x", list, raising, text=text), [Seed("one", CONTENT)], 1)
    made = {Mutant(mutator.seeds["one"], mutator.next().edits).content for _ in range(200)}
    assert len(made) > 150


def test_a_disk_is_changed_without_being_written(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(CONTENT)
    edits = (Edit(2, 4, b"abcd"), Edit(4, 2, b"ZZ"), Edit(100, None))
    mutant = Mutant(Seed("disk", disk), edits)
    with mutant.stream() as stream:
        assert stream.read() == b"HEabZZ" + CONTENT[6:100]
        assert stream.seek(3) == 3
        assert stream.read(2) == b"bZ"
        assert stream.seek(1 << 70)
        assert stream.read(1) == b""
    assert mutant.size == 100
    assert disk.read_bytes() == CONTENT


@pytest.mark.parametrize("size", [1, 20_000], ids=["whole", "edits"])
def test_a_find_is_kept_and_read_again(size: int, tmp_path: Path) -> None:
    made = target(raising, CONTENT + os.urandom(size))
    case = Case("one", EDITS)
    path = corpus.save(made, Find("made-up", case, "raised", "Some/Thing in x"), tmp_path)
    assert [name for name, _ in corpus.entries(tmp_path)] == ["made-up"]
    (seed,) = made.seeds()
    again = Mutant(seed, corpus.as_case(made, path).edits)
    assert again.content == Mutant(seed, EDITS).content
    assert path.stat().st_size < 20_000
