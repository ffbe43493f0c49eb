"""The keys below a key, found without reading them all: in a large hive they lie anywhere.

A list has a hint for each of its keys, and Windows finds a key by it. Layout: the Windows registry file
format specification, section Subkeys list: "Index leaf", "Fast leaf", "Hash leaf", "Index root".
"""

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from imgtool.guest.filesystems.base import GuestReadError

if TYPE_CHECKING:
    from imgtool.guest.windows.registry_guard import GuardedHive

MAX_LISTS = 1
"""Lists of lists below each other: more are not defined."""
ASCII_NAME = 0x0020
"""Flag of a key whose name has one byte for each letter."""
_ENTRY_BYTES = {b"lf": 8, b"lh": 8, b"li": 4, b"ri": 4}
_HINT_LETTERS = 4

Hint = tuple[bytes, bytes]
"""Kind of the list, and the hint in capitals; an empty one where any name may stand behind it."""
_NO_HINT: Hint = (b"", b"")


class KeyList:
    """One list, with the lists that it refers to."""

    def __init__(self, hive: "GuardedHive", offset: int) -> None:
        self._hive = hive
        self._cells: dict[Hint, list[int]] = {}
        self._all: dict[str, tuple[str, int]] | None = None
        for hint, cell in _entries(hive, offset, 0):
            self._cells.setdefault(hint, []).append(cell)

    def all(self) -> dict[str, tuple[str, int]]:
        """Name in capitals to name and cell of each key."""
        if self._all is None:
            found = self._named(cell for cells in self._cells.values() for cell in cells)
            self._all = {name.upper(): (name, cell) for name, cell in found}
        return self._all

    def find(self, name: str) -> tuple[str, int] | None:
        """Name and cell of the key of that name, in whatever case; None where there is none."""
        upper = name.upper()
        if self._all is not None or not name.isascii():
            return self.all().get(upper)
        found = self._named(cell for hint in _hints(upper) for cell in self._cells.get(hint, ()))
        return next((key for key in found if key[0].upper() == upper), None)

    def _named(self, cells: Iterator[int]) -> Iterator[tuple[str, int]]:
        return ((_key_name(self._hive.cell_data(cell)), cell) for cell in cells)


def _entries(hive: "GuardedHive", offset: int, depth: int) -> Iterator[tuple[Hint, int]]:
    """Hint and cell of each key."""
    data = hive.cell_data(offset)
    kind, count = struct.unpack_from("<2sH", data)
    width = _ENTRY_BYTES.get(kind)
    if width is None or (kind == b"ri" and depth >= MAX_LISTS):
        raise GuestReadError("a damaged list of keys")
    hive.spend(count)
    for start in range(4, 4 + count * width, width):
        cell = struct.unpack_from("<I", data, start)[0]
        if kind == b"ri":
            yield from _entries(hive, cell, depth + 1)
        else:
            yield _hint(kind, data[start + 4 : start + width]), cell


def _hint(kind: bytes, written: bytes) -> Hint:
    """Return a fast leaf's first letters, where all of them are ASCII, or the name's hash in a hash leaf."""
    if kind == b"lh":
        return kind, written
    letters = written.rstrip(b"\0").upper()
    return (kind, letters) if letters and letters.isascii() else _NO_HINT


def _hints(upper: str) -> tuple[Hint, ...]:
    """Return those behind which a name in capitals may stand."""
    value = 0
    for letter in upper:
        value = (value * 37 + ord(letter)) & 0xFFFFFFFF
    letters = upper[:_HINT_LETTERS].encode("ascii", "replace")
    return (b"lh", struct.pack("<I", value)), (b"lf", letters), _NO_HINT


def _key_name(data: bytes) -> str:
    """Name of a key node, without the rest of it: there may be thousands in a list."""
    kind, flags = struct.unpack_from("<2sH", data)
    length = struct.unpack_from("<H", data, 72)[0]
    raw = data[76 : 76 + length]
    if kind != b"nk" or len(raw) != length:
        raise GuestReadError("a damaged key")
    return raw.decode("latin-1") if flags & ASCII_NAME else raw.decode("utf-16-le", "replace")
