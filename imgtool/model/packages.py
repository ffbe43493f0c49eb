"""The packages that a guest's package manager has installed."""

from dataclasses import dataclass
from typing import Literal

PackageManager = Literal["dpkg", "rpm", "apk", "pacman", "windows"]


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
    """What it was built from: the name of the source package; of RPM the file name of the source RPM."""
    source_version: str = ""
    """Of the source package; empty where it is the version of the package."""
    licence: str = ""
    """In the database's words; dpkg keeps none."""
    vendor: str = ""
