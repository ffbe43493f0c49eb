"""How fresh the system is: the date of its newest package, by the database of its package manager.

RPM, apk and pacman keep when each package was built; dpkg keeps no date, but writes the list of a package's
files when it installs it. A date in the future, or before there were such systems, is nobody's.
"""

import time
from datetime import UTC, datetime

from imgtool.guest.fact import fact_of
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.guard import guarded
from imgtool.guest.packages import MANAGERS
from imgtool.guest.packages.base import PackageDate
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Fact, Known
from imgtool.util.text import printable

_EARLIEST = datetime(1995, 1, 1, tzinfo=UTC).timestamp()
_LATER_SECONDS = 86_400.0
"""How far the clock of the machine that made the image may have been ahead."""


def build_date_fact(tree: GuestTree) -> Fact[str]:
    """Return the newest package's date as YYYY-MM-DD, in UTC; the evidence says of which package."""
    return fact_of(lambda: _newest(tree))


def _newest(tree: GuestTree) -> Known[str]:
    found: list[PackageDate] = []
    for manager in MANAGERS:
        if manager.is_here(tree):
            with guarded("the package database"):
                found += manager.dates(tree)
    latest = time.time() + _LATER_SECONDS
    credible = [one for one in found if _EARLIEST <= one.seconds <= latest]
    if not credible:
        raise GuestReadError("no package database has the date of a package")
    newest = max(credible, key=lambda one: one.seconds)
    day = datetime.fromtimestamp(newest.seconds, UTC).date().isoformat()
    return Known(day, f"{newest.source}: {printable(newest.name)} was {newest.what}")
