"""pacman of Arch: one directory NAME-VERSION-RELEASE for each package (libalpm, be_local.c)."""

from collections.abc import Collection, Iterator
from itertools import islice

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.packages.base import (
    MAX_DATES,
    MAX_DIGITS,
    MAX_PACKAGES,
    Manager,
    Package,
    PackageDate,
    optional_word,
    word,
)
from imgtool.guest.tree import GuestTree
from imgtool.model.packages import InstalledPackage

LOCAL = "/var/lib/pacman/local"
MAX_DESC_BYTES = 1 << 20


def find(tree: GuestTree, names: Collection[str]) -> Package | None:
    """The package with one of `names` in its `desc`."""
    for directory in tree.names(LOCAL):
        name = directory.rsplit("-", 2)[0]
        if name not in names:
            continue
        path = f"{LOCAL}/{directory}/desc"
        fields = _fields(tree.read_bytes(path, MAX_DESC_BYTES) or b"")
        if fields.get(b"NAME") == name.encode() and b"VERSION" in fields:
            return Package(name, word(fields[b"VERSION"], path), path)
    return None


def dates(tree: GuestTree) -> Iterator[PackageDate]:
    """The `%BUILDDATE%` of each package."""
    for directory in islice(tree.names(LOCAL), MAX_DATES):
        path = f"{LOCAL}/{directory}/desc"
        built = _fields(tree.read_bytes(path, MAX_DESC_BYTES) or b"").get(b"BUILDDATE", b"")
        if built.isdigit() and len(built) <= MAX_DIGITS:
            yield PackageDate(int(built), directory, "built", LOCAL)


def packages(tree: GuestTree) -> Iterator[InstalledPackage]:
    """Each directory with a `desc`: another one, ALPM_DB_VERSION, is no package."""
    for count, directory in enumerate(tree.names(LOCAL)):
        if count >= MAX_PACKAGES:
            raise GuestReadError(f"{LOCAL}: more than {MAX_PACKAGES} packages")
        path = f"{LOCAL}/{directory}/desc"
        lines = _lines(tree.read_bytes(path, MAX_DESC_BYTES) or b"")
        if lines.get(b"NAME") and lines.get(b"VERSION"):
            yield _package(lines, path)


def _package(lines: dict[bytes, list[bytes]], path: str) -> InstalledPackage:
    def told(field: bytes) -> str:
        return optional_word(b" AND ".join(lines.get(field, [])))

    return InstalledPackage(
        manager="pacman",
        name=word(lines[b"NAME"][0], path),
        version=word(lines[b"VERSION"][0], path),
        architecture=told(b"ARCH"),
        source=told(b"BASE"),
        licence=told(b"LICENSE"),
        vendor=told(b"PACKAGER"),
    )


def _fields(desc: bytes) -> dict[bytes, bytes]:
    """The first line of each field."""
    return {field: lines[0] for field, lines in _lines(desc).items()}


def _lines(desc: bytes) -> dict[bytes, list[bytes]]:
    """The lines of each field that has any: `%NAME%`, its lines, an empty line."""
    found: dict[bytes, list[bytes]] = {}
    field = b""
    for line in desc.splitlines():
        if line.startswith(b"%") and line.endswith(b"%"):
            field = line.strip(b"%")
        elif line and field:
            found.setdefault(field, []).append(line)
    return found


MANAGER = Manager(lambda tree: tree.is_directory(LOCAL), find, dates, packages)
