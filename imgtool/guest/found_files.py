"""Which of the files that a policy asks for are in the guest.

A path is followed name by name: only the directories that its pattern leads to are listed.
"""

import fnmatch
import posixpath
from collections.abc import Iterator, Sequence
from itertools import islice

from imgtool.guest.fact import fact_of
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.util.text import printable

MAX_FOUND = 100
"""Paths of one pattern that are kept: with one the verdict is clear, a hundred are enough to look at."""

MAX_LOOKED_AT = 200_000
"""Names that all patterns together may look at."""

MAX_DEPTH = 64
"""Of the directories that `**` goes down."""

ANY_DIRECTORIES = "**"
_WILDCARDS = frozenset("*?[")


def find_files(tree: GuestTree, patterns: Sequence[str], *, windows: bool = False) -> Known[tuple[str, ...]]:
    """Sorted guest paths that match one of `patterns`: files, directories, and links, dangling ones too.

    In a pattern `*`, `?` and `[...]` stand for parts of one name, case counts, and a leading dot is no
    exception; `**` as a name stands for any number of directories. Raises GuestReadError where a directory
    cannot be read, and beyond the bounds.

    On Windows case does not count, and links are found but not followed, because a junction names a drive:
    what it leads to on the system's drive is found at its own place.
    """
    search = _WindowsSearch(tree) if windows else _Search(tree)
    found: set[str] = set()
    for pattern in patterns:
        found.update(map(printable, islice(search.matching(pattern), MAX_FOUND)))
    return Known(tuple(sorted(found)), f"looked for {', '.join(map(printable, patterns)) or 'nothing'}")


def found_files_fact(
    tree: GuestTree, wanted: Sequence[str], *, windows: bool = False
) -> Fact[tuple[str, ...]]:
    """Unknown where nothing was looked for: that nothing was found then says nothing."""
    if not wanted:
        return Unknown("no policy asks for files")
    return fact_of(lambda: find_files(tree, wanted, windows=windows))


class _Search:
    """One search, which counts what it looks at."""

    def __init__(self, tree: GuestTree) -> None:
        self._tree = tree
        self._looked_at = 0

    def matching(self, pattern: str) -> Iterator[str]:
        yield from self._below("/", [name for name in pattern.split("/") if name])

    def _below(self, directory: str, names: list[str]) -> Iterator[str]:
        name, *rest = names
        if name == ANY_DIRECTORIES:
            yield from self._anywhere_below(directory, rest or ["*"])
            return
        for path in self._children(directory, name):
            if not rest:
                yield path
            elif self._leads_down(path, name):
                yield from self._below(path, rest)

    def _leads_down(self, path: str, name: str) -> bool:
        """Whether the search goes on in `path`, which `name` of a pattern led to."""
        return self._tree.is_directory(path)

    def _matches(self, child: str, name: str) -> bool:
        return fnmatch.fnmatchcase(child, name)

    def _anywhere_below(self, directory: str, names: list[str]) -> Iterator[str]:
        """Search `directory` and all below it; links to directories are not followed, lest it circle."""
        if directory.count("/") > MAX_DEPTH:
            raise GuestReadError(f"{printable(directory)}: more than {MAX_DEPTH} directories deep")
        yield from self._below(directory, names)
        for path in self._children(directory, "*"):
            if not self._tree.is_link(path) and self._tree.is_directory(path):
                yield from self._anywhere_below(path, names)

    def _children(self, directory: str, name: str) -> Iterator[str]:
        if not _has_wildcards(name):
            path = posixpath.join(directory, name)
            self._count(path)
            if self._tree.is_link(path) or self._tree.exists(path):
                yield path
            return
        for child in self._tree.names(directory):
            path = posixpath.join(directory, child)
            self._count(path)
            if self._matches(child, name):
                yield path

    def _count(self, path: str) -> None:
        self._looked_at += 1
        if self._looked_at > MAX_LOOKED_AT:
            raise GuestReadError(f"{printable(path)}: more than {MAX_LOOKED_AT} names to look at")


class _WindowsSearch(_Search):
    """One in a drive of Windows."""

    def _leads_down(self, path: str, name: str) -> bool:
        if not self._tree.is_link(path):
            return super()._leads_down(path, name)
        if _has_wildcards(name):
            return False
        raise GuestReadError(f"{printable(path)} is a link: ask for the place that it leads to")

    def _matches(self, child: str, name: str) -> bool:
        return fnmatch.fnmatchcase(child.upper(), name.upper())


def _has_wildcards(name: str) -> bool:
    return not _WILDCARDS.isdisjoint(name)
