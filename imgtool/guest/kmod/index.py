"""The indexes that depmod writes for kmod: modules.dep.bin, modules.alias.bin.

A trie on disk, by kmod's libkmod/libkmod-index.c: numbers are big-endian; a node's offset says in its upper
four bits whether a prefix, children and values stand there.
"""

import struct
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Protocol

from imgtool.guest.filesystems.base import GuestReadError

MAGIC = 0xB007F457
MAJOR_VERSION = 2
HAS_PREFIX, HAS_VALUES, HAS_CHILDREN = 0x80000000, 0x40000000, 0x20000000
OFFSET_MASK = 0x0FFFFFFF
WILDCARDS = frozenset(b"*?[")
MAX_NODES = 100_000
"""Nodes of one search, which follows a name: a few hundred are many."""
MAX_KEY_BYTES = 512
"""Of a pattern. Those for DMI have about 200."""
MAX_VALUES = 10_000
MAX_PATTERNS = 2000
"""Patterns that begin as a name does, and are compared with it. A device has a few."""

_HEADER = struct.Struct(">III")
_NUMBER = struct.Struct(">I")


class Pattern:
    """A name that patterns are compared with, no more of them than have a bound."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._left = MAX_PATTERNS

    def is_matched_by(self, pattern: str) -> bool:
        """Whether `pattern` matches. Raises GuestReadError after MAX_PATTERNS that may."""
        plain = min((at for at in map(pattern.find, "*?[") if at >= 0), default=len(pattern))
        if plain == len(pattern):
            return pattern == self._name
        if not self._name.startswith(pattern[:plain]):
            return False
        self._left -= 1
        if self._left < 0:
            raise GuestReadError(f"more than {MAX_PATTERNS} patterns for {self._name}")
        return fnmatchcase(self._name, pattern)


class ModuleIndex(Protocol):
    """What a loader looks up: the lines of modules.dep by name, modules by the aliases of devices."""

    def values(self, key: str) -> tuple[str, ...]:
        """The values of exactly this key."""

    def matching(self, name: str) -> tuple[str, ...]:
        """The values of all keys that are patterns for `name`."""


class TextIndex:
    """An index out of modules.dep or modules.alias as text, which busybox's modprobe reads.

    Its modprobe.c reads them line by line, names and aliases with `_` for `-`.
    """

    def __init__(self, pairs: Iterator[tuple[str, str]]) -> None:
        """`pairs`: keys with their values."""
        self._pairs: dict[str, list[str]] = {}
        for key, value in pairs:
            self._pairs.setdefault(normal(key), []).append(value)

    def values(self, key: str) -> tuple[str, ...]:
        """The values of exactly this key."""
        return tuple(self._pairs.get(normal(key), ()))

    def matching(self, name: str) -> tuple[str, ...]:
        """The values of all keys that are patterns for `name`."""
        wanted = Pattern(normal(name))
        found = (values for key, values in self._pairs.items() if wanted.is_matched_by(key))
        return tuple(normal(value) for values in found for value in values)


def normal(name: str) -> str:
    """A name or an alias as kmod compares it: `-` as `_`, but not between brackets of a pattern."""
    outside, bracket, rest = name.partition("[")
    if not bracket:
        return outside.replace("-", "_")
    inside, close, after = rest.partition("]")
    return outside.replace("-", "_") + bracket + inside + close + after.replace("-", "_")


class Index:
    """One index. Every search raises GuestReadError where it is damaged."""

    def __init__(self, data: bytes) -> None:
        """`data`: the whole file. Raises GuestReadError where kmod would not open it."""
        if len(data) < _HEADER.size:
            raise GuestReadError("an index that is cut off")
        magic, version, self._root = _HEADER.unpack_from(data)
        if magic != MAGIC or version >> 16 != MAJOR_VERSION:
            raise GuestReadError("no index of depmod's")
        self._data = data

    def values(self, key: str) -> tuple[str, ...]:
        """The values of exactly this key, the ones of least priority number first."""
        wanted = normal(key).encode("utf-8", "surrogateescape")
        return tuple(value for _, value in sorted(self._find(self._root, wanted, None)))

    def matching(self, name: str) -> tuple[str, ...]:
        """The values of all keys that are patterns for `name`, in the order of their priority."""
        pattern = Pattern(normal(name))
        wanted = normal(name).encode("utf-8", "surrogateescape")
        return tuple(value for _, value in sorted(self._find(self._root, wanted, pattern)))

    def _find(self, root: int, wanted: bytes, pattern: Pattern | None) -> Iterator[tuple[int, str]]:
        """Walks where the key so far is, or may match, `wanted`; with no `pattern` only where it is."""
        exact = pattern is None
        pending = [(root, b"")]
        seen = 0
        while pending:
            place, key = pending.pop()
            seen += 1
            if seen > MAX_NODES or len(key) > MAX_KEY_BYTES:
                raise GuestReadError("an index of depmod's without an end")
            node_key, children, values = self._node(place, key)
            if not _may_match(node_key, wanted, exact=exact):
                continue
            if values and (node_key == wanted or (pattern is not None and _matches(node_key, pattern))):
                yield from self._values(values)
            pending += [
                (child, node_key + bytes([character]))
                for character, child in children
                if _may_match(node_key + bytes([character]), wanted, exact=exact)
            ]
            if len(pending) > MAX_NODES:
                raise GuestReadError("an index of depmod's without an end")

    def _node(self, place: int, key: bytes) -> tuple[bytes, list[tuple[int, int]], int]:
        """The key up to and with this node's prefix, its children, and where its values stand (0: none)."""
        at = place & OFFSET_MASK
        if place & HAS_PREFIX:
            end = self._data.find(b"\0", at, at + MAX_KEY_BYTES)
            if end < 0:
                raise GuestReadError("an index of depmod's that is cut off")
            key += self._data[at:end]
            at = end + 1
        children: list[tuple[int, int]] = []
        if place & HAS_CHILDREN:
            first, last = self._take(at, 2)
            offsets = self._take(at + 2, 4 * max(0, last - first + 1))
            children = [
                (character, offset)
                for character, (offset,) in zip(
                    range(first, last + 1), _NUMBER.iter_unpack(offsets), strict=True
                )
                if offset
            ]
            at += 2 + len(offsets)
        return key, children, at if place & HAS_VALUES else 0

    def _values(self, at: int) -> Iterator[tuple[int, str]]:
        (count,) = _NUMBER.unpack(self._take(at, 4))
        if count > MAX_VALUES:
            raise GuestReadError(f"an index of depmod's with {count} values for one key")
        at += 4
        for _ in range(count):
            (priority,) = _NUMBER.unpack(self._take(at, 4))
            end = self._data.find(b"\0", at + 4)
            if end < 0:
                raise GuestReadError("an index of depmod's that is cut off")
            yield priority, self._data[at + 4 : end].decode("utf-8", "surrogateescape")
            at = end + 1

    def _take(self, at: int, size: int) -> bytes:
        taken = self._data[at : at + size]
        if len(taken) < size:
            raise GuestReadError("an index of depmod's that is cut off")
        return taken


def _may_match(key: bytes, wanted: bytes, *, exact: bool) -> bool:
    """Whether a key that begins so can be, or match, `wanted`."""
    if exact:
        return wanted.startswith(key)
    plain = next((at for at, character in enumerate(key) if character in WILDCARDS), len(key))
    return wanted.startswith(key[:plain])


def _matches(key: bytes, pattern: Pattern) -> bool:
    return pattern.is_matched_by(key.decode("utf-8", "surrogateescape"))
