"""The packages that a guest's package managers have installed: the system's, and those of languages."""

from dataclasses import dataclass
from typing import Literal, get_args

Language = Literal["pypi", "npm", "gem"]
"""By where a language's packages come from, which is what a package URL calls them."""
PackageManager = Literal["dpkg", "rpm", "apk", "pacman", "windows", "pypi", "npm", "gem"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


@dataclass(frozen=True, slots=True)
class InstalledPackage:
    """One installed package, as its database tells it; empty where that does not say."""

    manager: PackageManager
    name: str
    version: str
    """As the manager prints it: 1:7.2-3 of dpkg, 17:8.2.0-11.el9 of RPM, 8.2.0-r4 of apk."""
    architecture: str = ""
    """In the manager's own words: amd64 of dpkg, x86_64 of RPM, all or noarch."""
    source: str = ""
    """What it was built from: the name of the source package; of RPM the file name of the source RPM. Of a
    language's package the file of its metadata."""
    source_version: str = ""
    """Of the source package; empty where it is the version of the package."""
    licence: str = ""
    """In the database's words; dpkg keeps none."""
    vendor: str = ""
