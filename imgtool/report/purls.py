"""Package URLs, as scanners look packages up by: the purl specification's types deb, rpm, apk and alpm, and
pypi, npm and gem, which are of no distribution.

`distro` and `upstream` are the qualifiers by which grype and trivy know the distribution and the source
package, which is what security trackers list. RPM's epoch is a qualifier; dpkg's is part of the version.
"""

from collections.abc import Callable, Mapping

from packageurl import PackageURL

from imgtool.model.packages import LANGUAGES, InstalledPackage, PackageManager

_TYPES: Mapping[PackageManager, str] = {
    "dpkg": "deb",
    "rpm": "rpm",
    "apk": "apk",
    "pacman": "alpm",
    "windows": "generic",
    "pypi": "pypi",
    "npm": "npm",
    "gem": "gem",
}


def purl_of(package: InstalledPackage, distro: str, version: str) -> PackageURL:
    """The URL of `package` in the distribution with this os-release ID and VERSION_ID, or without."""
    kind = _TYPES[package.manager]
    if kind == "generic" or package.manager in LANGUAGES:
        scope, _, name = package.name.rpartition("/") if kind == "npm" else ("", "", package.name)
        return PackageURL(kind, scope or None, name, package.version or None)
    epoch, shown = _epoch(package)
    qualifiers = {
        "arch": package.architecture,
        "epoch": epoch,
        "upstream": _UPSTREAM[package.manager](package),
        "distro": f"{distro}-{version}" if distro and version else distro,
    }
    told = {name: value for name, value in qualifiers.items() if value}
    return PackageURL(kind, distro or None, package.name, shown, told)


def _epoch(package: InstalledPackage) -> tuple[str, str]:
    """RPM's epoch and the version without it; of all others the version as it is."""
    epoch, colon, rest = package.version.partition(":")
    return (epoch, rest) if package.manager == "rpm" and colon else ("", package.version)


def _of_dpkg(package: InstalledPackage) -> str:
    if package.source_version:
        return f"{package.source}@{package.source_version}"
    return package.source if package.source != package.name else ""


def _of_apk(package: InstalledPackage) -> str:
    return package.source if package.source != package.name else ""


_UPSTREAM: Mapping[PackageManager, Callable[[InstalledPackage], str]] = {
    "dpkg": _of_dpkg,
    "rpm": lambda package: package.source,
    "apk": _of_apk,
    "pacman": _of_apk,
}
