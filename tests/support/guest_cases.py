"""One guest changed in one point: how, and what has to become of it."""

from collections.abc import Callable
from dataclasses import dataclass

from support.real_guest import RealGuest

Recipe = Callable[[RealGuest], object]


@dataclass(frozen=True)
class Case:
    """One guest."""

    name: str
    recipe: Recipe
    fails: str | None = None
    """The check, of those that end with status 1; a good one has none."""
    warns: str | None = None


def good(name: str, recipe: Recipe) -> Case:
    """It comes up, and does what it should."""
    return Case(name, recipe)


def bad(name: str, check: str, recipe: Recipe) -> Case:
    """An error of this check."""
    return Case(name, recipe, fails=check)


def warned(name: str, check: str, recipe: Recipe) -> Case:
    """A warning of this check."""
    return Case(name, recipe, warns=check)


def put(path: str, content: str = "", mode: int = 0o644) -> Recipe:
    return lambda guest: guest.root.put(path, content, mode)


def append(path: str, more: str) -> Recipe:
    return lambda guest: guest.root.append(path, more)


def change(path: str, old: str, new: str) -> Recipe:
    return lambda guest: guest.root.change(path, old, new)


def link(path: str, target: str) -> Recipe:
    return lambda guest: guest.root.link(path, target)


def directory(path: str) -> Recipe:
    return lambda guest: guest.root.directory(path)


def remove(*patterns: str) -> Recipe:
    return lambda guest: guest.root.remove(*patterns)


def chmod(path: str, mode: int) -> Recipe:
    return lambda guest: guest.root.chmod(path, mode)


def cut(pattern: str, size: int) -> Recipe:
    """The first bytes of the one file that is named so."""

    def recipe(guest: RealGuest) -> None:
        (place,) = guest.root.top.glob(pattern)
        guest.root.put(str(place.relative_to(guest.root.top)), place.read_bytes()[:size])

    return recipe


def both(*recipes: Recipe) -> Recipe:
    def recipe(guest: RealGuest) -> None:
        for one in recipes:
            one(guest)

    return recipe


def options(more: str) -> Recipe:
    """On the kernel's command line."""
    return change("boot/grub/grub.cfg", " console=tty0", f" {more} console=tty0")


def judge(case: Case, guest: RealGuest) -> None:
    """By the command line, after the recipe; the guest is put back."""
    try:
        case.recipe(guest)
        verdict = guest.judged()
    finally:
        guest.undo()
    said = {name: one["message"] for name, one in verdict.findings.items()}
    assert verdict.status == (1 if case.fails else 0), said
    assert bool(verdict.failed("error")) == bool(case.fails), said
    if case.fails:
        assert case.fails in verdict.failed("error"), said
    if case.warns:
        assert case.warns in verdict.failed("warning"), said
    if not case.fails and not case.warns:
        assert said == {}


def named(case: object) -> str:
    assert isinstance(case, Case)
    return case.name
