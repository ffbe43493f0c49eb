"""Which of two versions is newer, by the order that boot loaders use.

The UAPI Group's Version Format Specification, which grew out of RPM's: runs of digits count as numbers,
a number is newer than a letter, `~` is older than nothing at all (1.0~rc1 < 1.0), and other characters only
separate. The kernel's `-rc1` counts as `~rc1`.
"""

import re

MAX_LENGTH = 256
"""Longer versions are compared by their beginnings."""

_TOKEN = re.compile(r"~|[0-9]+|[A-Za-z]+")
_RELEASE_CANDIDATE = re.compile(r"[-_.](rc[0-9])")

VersionKey = tuple[tuple[int, int, str], ...]


def version_key(version: str) -> VersionKey:
    """A key for `sorted`, oldest first."""
    text = _RELEASE_CANDIDATE.sub(r"~\1", version[:MAX_LENGTH])
    return (*map(_rank, _TOKEN.findall(text)), (0, 0, ""))


def _rank(part: str) -> tuple[int, int, str]:
    """Rank `~` below the end of the version (0), and letters, then numbers, above it."""
    if part == "~":
        return (-1, 0, "")
    if part.isdigit():
        return (2, int(part), "")
    return (1, 0, part)
