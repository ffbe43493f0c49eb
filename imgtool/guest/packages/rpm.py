"""RPM of RHEL, Fedora and SUSE: where its database is, and what kind of."""

from collections.abc import Collection, Iterator
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.packages import rpm_bdb, rpm_ndb, rpm_sqlite
from imgtool.guest.packages.base import MAX_PACKAGES, Manager, Package, PackageDate
from imgtool.guest.packages.rpm_header import (
    ENTRY,
    EVERY_NAME,
    MAX_ENTRIES,
    Blob,
    FindBlobs,
    Header,
    parse_header,
    read_details,
)
from imgtool.guest.tree import GuestTree
from imgtool.model.packages import InstalledPackage

DIRECTORIES = ("/usr/lib/sysimage/rpm", "/var/lib/rpm")
"""Since Fedora 36 and in SUSE; in RHEL. Where both are, one is a link to the other, or left over."""

BACKENDS: dict[str, FindBlobs] = {
    "rpmdb.sqlite": rpm_sqlite.blobs,
    "Packages.db": rpm_ndb.blobs,
    "Packages": rpm_bdb.blobs,
}
"""File to its reader, the newest kind first: one that was converted may have left the older behind."""

UNWRITTEN = ("-wal", "-journal")
"""What SQLite keeps beside a database while changes are not written back: https://sqlite.org/tempfiles.html."""

FIRST_BYTES = 4096
"""Enough of nearly every header: its index has about 100 entries of 16 bytes, and its names come first."""

LONG_BYTES = MAX_ENTRIES * ENTRY.size + FIRST_BYTES
MAX_LONG = 50
"""Headers of which FIRST_BYTES are not enough."""

MAX_TOTAL_BYTES = 512 << 20
"""Of all headers together, where all are read. Those of a full desktop take 100 MiB."""


def find(tree: GuestTree, names: Collection[str]) -> Package | None:
    """The first header with one of `names`."""
    place = _place(tree)
    stream = tree.open(place) if place else None
    if place is None or stream is None:
        return None
    _refuse_unwritten(tree, place)
    found = _find(stream, place, names)
    return None if found is None else Package(found.name, found.version, place)


def _find(stream: BinaryIO, place: str, names: Collection[str]) -> Header | None:
    wanted = {name.encode() for name in names}
    backend = BACKENDS[place.rpartition("/")[2]]
    try:
        headers = _headers(backend(stream, wanted))
        return next((header for header in headers if header.name in names), None)
    except GuestReadError as error:
        raise GuestReadError(f"{place}: {error}") from error


def dates(tree: GuestTree) -> Iterator[PackageDate]:
    """When each package was built, as far as the beginning of its header says."""
    place = _place(tree)
    stream = tree.open(place) if place else None
    if place is None or stream is None:
        return
    _refuse_unwritten(tree, place)
    for count, blob in enumerate(BACKENDS[place.rpartition("/")[2]](stream, EVERY_NAME)):
        header = parse_header(blob(FIRST_BYTES))
        if count >= MAX_PACKAGES:
            raise GuestReadError(f"{place}: more than {MAX_PACKAGES} packages")
        if header is not None and header.built_seconds is not None:
            yield PackageDate(header.built_seconds, header.name, "built", place)


def packages(tree: GuestTree) -> Iterator[InstalledPackage]:
    """Each package, from as much of its header as that takes."""
    place = _place(tree)
    stream = tree.open(place) if place else None
    if place is None or stream is None:
        return
    _refuse_unwritten(tree, place)
    try:
        yield from _details(BACKENDS[place.rpartition("/")[2]](stream, EVERY_NAME))
    except GuestReadError as error:
        raise GuestReadError(f"{place}: {error}") from error


def _details(blobs: Iterator[Blob]) -> Iterator[InstalledPackage]:
    left_bytes = MAX_TOTAL_BYTES
    for count, blob in enumerate(blobs):
        package, read_bytes = read_details(blob)
        left_bytes -= read_bytes
        if count >= MAX_PACKAGES or left_bytes < 0:
            raise GuestReadError(f"more than {MAX_PACKAGES} packages, or {MAX_TOTAL_BYTES} bytes of them")
        yield package


def _headers(blobs: Iterator[Blob]) -> Iterator[Header]:
    """Bounded: a database may say of any number of packages that their headers stand in one place."""
    long_ones = 0
    for count, blob in enumerate(blobs):
        header = parse_header(blob(FIRST_BYTES))
        if header is None:
            long_ones += 1
            header = parse_header(blob(LONG_BYTES))
        if header is None:
            raise GuestReadError("a header ends too early")
        if count >= MAX_PACKAGES or long_ones > MAX_LONG:
            raise GuestReadError(f"more than {MAX_PACKAGES} packages, or {MAX_LONG} with long headers")
        yield header


def _place(tree: GuestTree) -> str | None:
    paths = (f"{directory}/{file}" for directory in DIRECTORIES for file in BACKENDS)
    return next((path for path in paths if tree.is_file(path)), None)


def _refuse_unwritten(tree: GuestTree, place: str) -> None:
    for path in (place + ending for ending in UNWRITTEN):
        if tree.size_bytes(path):
            raise GuestReadError(
                f"{path} holds changes that were not written back (a run of rpm was cut off)"
            )


MANAGER = Manager(lambda tree: _place(tree) is not None, find, dates, packages)
