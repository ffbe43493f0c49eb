"""Keys and values of a registry hive.

Layout: the Windows registry file format specification (M. Suhanov, on GitHub), sections Base block, Key
node, Subkeys list and Key value. Lists of keys are read here, because the library compares some of their
names with regard to case, and follows a list of lists to any depth. So are texts, which it guesses to be
Latin-1 where their first letter is beyond ASCII.
"""

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.guard import guarded
from imgtool.guest.tree import GuestTree
from imgtool.guest.windows.key_list import KeyList
from imgtool.util.text import printable

if TYPE_CHECKING:
    from dissect.regf.regf import KeyNode, KeyValue

    from imgtool.guest.windows.registry_guard import GuardedHive

BASE_BLOCK_BYTES = 4096
MAX_HIVE_BYTES = 512 << 20
"""A SOFTWARE hive of a server has about 100 MiB."""
MAX_VALUE_BYTES = 16344
"""Larger ones are spread over several cells; none that is looked at is."""
MAX_VALUES = 4096
"""Of one key."""
SZ, EXPAND_SZ, DWORD = 1, 2, 4


class Key:
    """One key. Names are found whatever their case."""

    def __init__(self, hive: "GuardedHive", node: "KeyNode", where: str) -> None:
        self._hive = hive
        self._node = node
        self.where = where
        """Hive and path, for evidence."""
        self._list: KeyList | None = None
        self._found: dict[str, Key | None] = {}
        self._values: dict[str, KeyValue] | None = None

    def names(self) -> tuple[str, ...]:
        """Return the names of the keys below, as they are written."""
        with guarded(self.where):
            found = self._below()
            return tuple(name for name, _ in found.all().values()) if found is not None else ()

    def key(self, path: str) -> "Key | None":
        """The key at `path` below this one, its names divided by backslashes; None where there is none."""
        found: Key | None = self
        for name in path.split("\\"):
            found = found._child(name) if found is not None else None
        return found

    def value_names(self) -> tuple[str, ...]:
        """Names of the values, as they are written; the default one has the name ''."""
        return tuple(self._read_values())

    def number(self, name: str) -> int | None:
        """A REG_DWORD; None where there is no such value."""
        found = self._value(name)
        if found is None:
            return None
        kind, data = found
        if kind != DWORD or len(data) != 4:
            raise GuestReadError(f"{self.where}: {printable(name)} is no number")
        return int.from_bytes(data, "little")

    def text(self, name: str) -> str | None:
        """A REG_SZ or REG_EXPAND_SZ, printable, its variables as they are; None where there is none."""
        found = self._value(name)
        if found is None:
            return None
        kind, data = found
        if kind not in {SZ, EXPAND_SZ}:
            raise GuestReadError(f"{self.where}: {printable(name)} is no text")
        return printable(data.decode("utf-16-le", "replace").split("\0")[0])

    def _child(self, name: str) -> "Key | None":
        upper = name.upper()
        if upper not in self._found:
            self._found[upper] = self._open_child(name)
        return self._found[upper]

    def _open_child(self, name: str) -> "Key | None":
        with guarded(self.where):
            below = self._below()
            entry = below.find(name) if below is not None else None
        if entry is None:
            return None
        written, cell = entry
        where = f"{self.where}\\{printable(written)}"
        with guarded(where):
            return Key(self._hive, self._hive.key_node(cell), where)

    def _below(self) -> KeyList | None:
        """The list of the keys below; None where there are none."""
        if self._list is None and self._node.cell.SubKeyCounts[0]:
            self._list = KeyList(self._hive, self._node.cell.SubKeyLists[0])
        return self._list

    def _value(self, name: str) -> tuple[int, bytes] | None:
        """Type and data."""
        values = self._read_values()
        found = next((value for key, value in values.items() if key.upper() == name.upper()), None)
        if found is None:
            return None
        with guarded(self.where):
            if found.size > MAX_VALUE_BYTES:
                raise GuestReadError(f"{self.where}: {printable(name)} has {found.size} bytes")
            data = bytes(found.data)
            if len(data) != found.size:
                raise GuestReadError(f"{self.where}: {printable(name)} is cut off")
            return int(found.type), data

    def _read_values(self) -> "dict[str, KeyValue]":
        if self._values is None:
            with guarded(self.where):
                self._values = dict(self._listed_values())
        return self._values

    def _listed_values(self) -> "Iterator[tuple[str, KeyValue]]":
        count = int(self._node.cell.ValueList.Count)
        if count > MAX_VALUES:
            raise GuestReadError(f"{self.where}: more than {MAX_VALUES} values")
        if count:
            cells = self._hive.cell_data(self._node.cell.ValueList.List)
            for offset in struct.unpack_from(f"<{count}I", cells):
                value = self._hive.key_value(offset)
                yield ("" if value.cell.NameLength == 0 else value.name), value


def open_hive(tree: GuestTree, path: str) -> Key | None:
    """The root key of the hive in the file `path`; None where there is no such file.

    Raises GuestReadError where it is damaged, or too large.
    """
    size = tree.size_bytes(path)
    stream = tree.open(path)
    if stream is None:
        return None
    name = path.rpartition("/")[2]
    if size > MAX_HIVE_BYTES:
        raise GuestReadError(f"{path} has more than {MAX_HIVE_BYTES} bytes")
    with guarded(path):
        if stream.read(4) != b"regf" or size < 2 * BASE_BLOCK_BYTES:
            raise GuestReadError(f"{path} is no registry hive")
        from imgtool.guest.windows.registry_guard import GuardedHive  # noqa: PLC0415 - 50 ms only here

        hive = GuardedHive(stream, size)
        return Key(hive, hive.key_node(hive.header.RootCell), name)


def unwritten_changes(tree: GuestTree, path: str) -> str | None:
    """What tells that changes stand in the hive's logs and not yet in the hive; None where they do not.

    The base block has two numbers, of which the second follows when all is written.
    """
    stream = tree.open(path)
    header = stream.read(12) if stream is not None else b""
    if len(header) < 12:
        return None
    first, second = struct.unpack_from("<II", header, 4)
    logs = [f"{path}.LOG{number}" for number in (1, 2) if tree.size_bytes(f"{path}.LOG{number}")]
    if first == second or not logs:
        return None
    return f"{', '.join(logs)} may hold later changes, which are not read"
