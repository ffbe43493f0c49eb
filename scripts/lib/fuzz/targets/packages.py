"""RPM's databases: SQLite, NDB, Berkeley DB."""

import sqlite3
import tempfile
from functools import cache
from pathlib import Path

from fuzz import seeds
from fuzz.model import Seed, Target
from fuzz.mutant import Mutant
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.packages import installed_package
from imgtool.guest.packages.installed import packages_fact
from imgtool.model.facts import Unknown

_TOP = "/usr/lib/sysimage/rpm"
_NAMES = {"sqlite": "rpmdb.sqlite", "ndb": "Packages.db", "bdb": "Packages"}
_WANTED = (("cloud-init",), ("qemu-guest-agent", "qemu-ga"), ("no-such-package",))


@cache
def _seeds() -> list[Seed]:
    sqlite = seeds.fixture_file("fedora-42", f"{_TOP}/{_NAMES['sqlite']}")
    ndb = seeds.fixture_file("opensuse-leap-15.6", f"{_TOP}/{_NAMES['ndb']}")
    return [Seed("sqlite", sqlite), Seed("ndb", ndb), Seed("bdb", _bdb(sqlite))]


def _bdb(sqlite: bytes) -> bytes:
    """The same headers in the hash that RPM had before."""
    with tempfile.TemporaryDirectory() as work:
        source = Path(work, "rpmdb.sqlite")
        source.write_bytes(sqlite)
        with sqlite3.connect(source) as database:
            headers = database.execute("SELECT hnum, blob FROM Packages").fetchall()
        database.close()
        return bytes(seeds.bdb(headers, Path(work, "Packages")))


def _run(mutant: Mutant) -> str:
    tree = seeds.guest_tree({f"{_TOP}/{_NAMES[mutant.seed.name]}": mutant.content})
    said = []
    for names in _WANTED:
        try:
            said.append(installed_package(tree, *names) is not None)
        except GuestReadError as error:
            return f"{mutant.seed.name} {error}"
    listed = packages_fact(tree)
    return f"{mutant.seed.name} {said} {listed.reason if isinstance(listed, Unknown) else ''}"


TARGETS = (Target("rpm", _seeds, _run, share=100),)
