"""Every package that the guest's package managers have installed, for a bill of materials."""

from collections import Counter

from imgtool.guest.fact import fact_of
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.guard import guarded
from imgtool.guest.packages import MANAGERS
from imgtool.guest.packages.base import MAX_PACKAGES
from imgtool.guest.packages.languages import language_packages
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Fact, Known
from imgtool.model.packages import InstalledPackage


def packages_fact(tree: GuestTree, *, languages: bool = False) -> Fact[tuple[InstalledPackage, ...]]:
    """Return all packages of all managers, sorted; those of languages where they are asked for.

    Unknown as a whole where one database cannot be read.
    """
    return fact_of(lambda: _all(tree, languages=languages))


def _all(tree: GuestTree, *, languages: bool) -> Known[tuple[InstalledPackage, ...]]:
    managers = [manager for manager in MANAGERS if manager.is_here(tree)]
    if not managers:
        raise GuestReadError("no package database was found")
    found: list[InstalledPackage] = []
    for manager in managers:
        with guarded("the package database"):
            found += manager.packages(tree)
    if languages:
        with guarded("the packages of languages"):
            found += language_packages(tree)
        if len(found) > MAX_PACKAGES:
            raise GuestReadError(f"more than {MAX_PACKAGES} packages")
    found.sort(key=lambda one: (one.manager, one.name, one.architecture, one.version))
    counts = Counter(one.manager for one in found)
    told = ", ".join(f"{count} of {name}" for name, count in counts.items())
    return Known(tuple(found), told or "the package database has no package")
