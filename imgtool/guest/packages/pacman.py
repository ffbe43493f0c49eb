"""pacman of Arch: one directory NAME-VERSION-RELEASE for each package (libalpm, be_local.c)."""

from collections.abc import Collection, Iterator
from itertools import islice

from imgtool.guest.packages.base import MAX_DATES, MAX_DIGITS, Manager, Package, PackageDate, word
from imgtool.guest.tree import GuestTree

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


def _fields(desc: bytes) -> dict[bytes, bytes]:
    """The first line of each field: `%NAME%`, its lines, an empty line."""
    found: dict[bytes, bytes] = {}
    field = b""
    for line in desc.splitlines():
        if line.startswith(b"%") and line.endswith(b"%"):
            field = line.strip(b"%")
        elif line and field:
            found.setdefault(field, line)
    return found


MANAGER = Manager(lambda tree: tree.is_directory(LOCAL), find, dates)
