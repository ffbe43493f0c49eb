"""Registry hives of the Windows fixtures, through all facts of a Windows guest."""

from functools import cache

from fuzz import seeds
from fuzz.model import Seed, Target
from fuzz.mutant import Mutant
from fuzz.targets.settings import LOOK_FOR
from imgtool.guest.windows.facts import read_windows
from imgtool.model.facts import Unknown

_FIXTURE = "windows-2022"
_CONFIG = "/Windows/System32/config"
_HIVES = ("SYSTEM", "SOFTWARE", "DRIVERS")
_KERNEL = b"MZ" + bytes(58) + b"\x40\0\0\0" + b"PE\0\0\x64\x86"


@cache
def _files() -> dict[str, bytes]:
    tree = seeds.fixture_tree(_FIXTURE)
    found = {f"{_CONFIG}/{name}": seeds.fixture_file(_FIXTURE, f"{_CONFIG}/{name}") for name in _present()}
    drivers = "/Windows/System32/drivers"
    found |= {f"{drivers}/{name}": b"MZ" for name in tree.names(drivers)}
    return {**found, "/Windows/System32/ntoskrnl.exe": _KERNEL}


def _present() -> list[str]:
    tree = seeds.fixture_tree(_FIXTURE)
    return [name for name in _HIVES if tree.is_file(f"{_CONFIG}/{name}")]


@cache
def _seeds() -> list[Seed]:
    return [Seed(name, _files()[f"{_CONFIG}/{name}"]) for name in _present()]


def _run(mutant: Mutant) -> str:
    tree = seeds.guest_tree({**_files(), f"{_CONFIG}/{mutant.seed.name}": mutant.content})
    facts = read_windows(tree, LOOK_FOR)
    said = [getattr(facts, name) for name in facts.__slots__]
    unknown = sorted({fact.reason for fact in said if isinstance(fact, Unknown)})
    return f"{mutant.seed.name} {'; '.join(unknown)}"


TARGETS = (Target("registry", _seeds, _run, share=50),)
