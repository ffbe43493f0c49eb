"""What the readers of all package databases have in common."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.tree import GuestTree
from imgtool.model.packages import InstalledPackage
from imgtool.util.text import printable

MAX_WORD_BYTES = 256
"""Longest name, version or release of a package that is believed."""
MAX_LICENCE_BYTES = 4096
"""Longest licence that is kept. Those of Fedora's texlive take 1,000."""
MAX_PACKAGES = 20_000
"""In one database. A full desktop has 5,000."""


@dataclass(frozen=True, slots=True)
class Package:
    """One installed package."""

    name: str
    version: str
    """As its package manager prints it: 1:7.2-3 of dpkg, 17:8.2.0-11.el9 of RPM, 8.2.0-r4 of apk."""
    source: str
    """The database that says so."""


MAX_DIGITS = 11
"""Of a date in seconds, written in decimal."""
MAX_DATES = 20_000
"""Packages of one database whose dates are looked at. A full desktop has 5,000."""


@dataclass(frozen=True, slots=True)
class PackageDate:
    """When one package was made, or put in."""

    seconds: int
    """Since 1970, in UTC."""
    name: str
    what: str
    """`built` or `installed`."""
    source: str
    """The database that says so."""


@dataclass(frozen=True, slots=True)
class Manager:
    """One package manager."""

    is_here: Callable[[GuestTree], bool]
    """Whether the guest has its database."""
    find: Callable[[GuestTree, Collection[str]], Package | None]
    """The first installed package of any of these names, None where there is none.

    Raises GuestReadError where the database cannot be read.
    """
    dates: Callable[[GuestTree], Iterable[PackageDate]]
    """The dates of packages; none of those that have none. Raises GuestReadError likewise."""
    packages: Callable[[GuestTree], Iterable[InstalledPackage]]
    """All installed packages. Raises GuestReadError likewise."""


def word(raw: bytes, where: str) -> str:
    """A name or a version out of a database, printable; GuestReadError where it is none."""
    if not raw or len(raw) > MAX_WORD_BYTES:
        raise GuestReadError(f"{where}: a name or version of {len(raw)} bytes")
    return printable(raw.decode("utf-8", "replace"))


def optional_word(raw: bytes) -> str:
    """What a database says besides name and version, printable; empty where it is overlong."""
    return printable(raw.decode("utf-8", "replace")) if len(raw) <= MAX_LICENCE_BYTES else ""
