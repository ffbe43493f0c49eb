"""What a backend of RPM's database gives: the headers of packages, as far as they are asked for."""

from collections.abc import Callable, Collection, Iterator
from typing import BinaryIO

Blob = Callable[[int], bytes]
"""The first bytes of a header, at most that many."""

FindBlobs = Callable[[BinaryIO, Collection[bytes]], Iterator[Blob]]
"""Of the database `stream`: the headers of the packages with one of these names, others may be among them.

Raises GuestReadError where the database is damaged.
"""

MAX_PACKAGES = 20_000
"""In one database. A full desktop has 5,000."""
