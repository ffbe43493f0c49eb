"""The word of the package database: which packages are installed, in which version.

    base.py          what a package is, and what every package manager gives
    installed.py     all packages of all of them
    dpkg.py          /var/lib/dpkg/status, and status.d
    rpm.py           finds RPM's database, and reads names and versions of it by rpm_header.py
      rpm_sqlite.py    rpmdb.sqlite (Fedora, RHEL 9), by sqlite.py, a reader of its table b-trees
      rpm_ndb.py       Packages.db (SUSE)
      rpm_bdb.py       Packages (RHEL 8 and older): a hash of Berkeley DB
    apk.py           /lib/apk/db/installed
    pacman.py        /var/lib/pacman/local
    languages.py     what pip, npm and RubyGems installed, where it is asked for

All in Python: a hostile database cannot corrupt memory, as it might in the library of SQLite or Berkeley DB.
"""

from collections.abc import Sequence

from imgtool.guest.fact import fact_of
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.guard import guarded
from imgtool.guest.packages import apk, dpkg, pacman, rpm
from imgtool.guest.packages.base import Package
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Fact, Known, Unknown

__all__ = ["Package", "installed_package", "package_fact", "read_program", "version_of"]

MANAGERS = (dpkg.MANAGER, rpm.MANAGER, apk.MANAGER, pacman.MANAGER)


def installed_package(tree: GuestTree, *names: str) -> Package | None:
    """The installed package of one of these names, or None where no database has any of them.

    A guest may have several databases, as Fedora has with dpkg installed: each is asked. Raises
    GuestReadError where there is none, or one that might have it cannot be read: nothing is known then.
    """
    managers = [manager for manager in MANAGERS if manager.is_here(tree)]
    if not managers:
        raise GuestReadError("no package database was found")
    problem: GuestReadError | None = None
    for manager in managers:
        try:
            with guarded("the package database"):
                package = manager.find(tree, names)
        except GuestReadError as error:
            problem = problem or error
        else:
            if package is not None:
                return package
    if problem is not None:
        raise problem
    return None


def package_fact(tree: GuestTree, *names: str) -> Fact[Package | None]:
    """Return the package as a fact: the evidence names the database and the version."""

    def read() -> Known[Package | None]:
        package = installed_package(tree, *names)
        if package is None:
            return Known(None, f"no package {names[0]} is installed")
        return Known(package, f"{package.source}: {package.name} {package.version}")

    return fact_of(read)


def version_of(package: Fact[Package | None]) -> Fact[str | None]:
    """The version alone, None where the package is not installed."""
    if isinstance(package, Unknown):
        return package
    return Known(None if package.value is None else package.value.version, package.evidence)


def read_program(tree: GuestTree, paths: Sequence[str], package: Fact[Package | None]) -> Known[bool]:
    """Whether one of the programs `paths` is there, with the word of the package database about it.

    The program decides: one that was put there by hand runs without a package, a package whose program was
    removed does not.
    """
    path = next((path for path in paths if tree.size_bytes(path) > 0), None)
    said = package.reason if isinstance(package, Unknown) else package.evidence
    if path is not None:
        return Known(value=True, evidence=f"{path} ({said})")
    where = f"{'neither' if len(paths) > 1 else 'no'} {' nor '.join(paths)} is there"
    if isinstance(package, Known) and package.value is not None:
        return Known(value=False, evidence=f"{where}, though its package is installed ({said})")
    return Known(value=False, evidence=f"{where} ({said})")
