"""The database of pacman, written by pacman itself (Debian's package pacman-package-manager)."""

import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

CONFIGURATION = "[options]\nArchitecture = auto\nSigLevel = Never\n"
FIELDS = "pkgname = {0}\npkgver = {1}\npkgdesc = x\nurl = x\nbuilddate = 1\nsize = 0\narch = any\n"


def make_database(packages: Mapping[str, str], work: Path) -> Path:
    """The directory `local` of a database in which these are installed: name to version-release."""
    root = work / "root"
    (root / "var/lib/pacman").mkdir(parents=True)
    (work / "pacman.conf").write_text(CONFIGURATION)
    own = {"config": "pacman.conf", "root": "root", "dbpath": "root/var/lib/pacman", "logfile": "log"}
    options = [f"--{name}={work / path}" for name, path in {**own, "cachedir": ".", "gpgdir": "."}.items()]
    files = [_package(name, version, work) for name, version in packages.items()]
    command = ["pacman", "--upgrade", "--noconfirm", "--dbonly", *options, *files]
    subprocess.run(command, check=True, capture_output=True)
    return root / "var/lib/pacman/local"


def _package(name: str, version: str, work: Path) -> Path:
    """A package without files."""
    information = work / ".PKGINFO"
    information.write_text(FIELDS.format(name, version))
    target = work / f"{name}.pkg.tar.gz"
    with tarfile.open(target, "w:gz") as archive:
        archive.add(information, ".PKGINFO")
    return target
