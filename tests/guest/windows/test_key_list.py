"""Keys are found by the hints of their list, of each kind, and without reading the others."""

import struct
from io import BytesIO

import pytest
from support.windows import hive

from imgtool.guest.windows.key_list import KeyList
from imgtool.guest.windows.registry_guard import MAX_CELLS, GuardedHive

BASE, ROOT_CELL = 4096, 0x20
NAMES = [*(f"service-{number:03}" for number in range(300)), "disk", "nic", "a", "Ünïcode", "Ключ"]
KINDS = ("lh", "lf", "li")


def opened(kind: str) -> tuple[GuardedHive, KeyList]:
    """The hive that hivex writes, and the list of its root as one of that kind."""
    content = bytearray(hive({name: {"Start": 1} for name in NAMES}))
    (offset,) = struct.unpack_from("<I", content, BASE + ROOT_CELL + 4 + 28)
    at = BASE + offset + 4
    written, count = struct.unpack_from("<2sH", content, at)
    assert (written, count) == (b"lh", len(NAMES))
    cells = [cell for cell, _ in struct.iter_unpack("<II", content[at + 4 : at + 4 + count * 8])]
    if kind != "lh":
        struct.pack_into("2s", content, at, kind.encode())
    for index, cell in enumerate(cells):
        if kind == "lf":
            struct.pack_into("<I4s", content, at + 4 + index * 8, cell, hint(name_of(content, cell)))
        elif kind == "li":
            struct.pack_into("<I", content, at + 4 + index * 4, cell)
    found = GuardedHive(BytesIO(content), len(content))
    return found, KeyList(found, offset)


def name_of(content: bytearray, cell: int) -> str:
    at = BASE + cell + 4
    (flags,), (length,) = (
        struct.unpack_from("<H", content, at + 2),
        struct.unpack_from("<H", content, at + 72),
    )
    return content[at + 76 : at + 76 + length].decode("latin-1" if flags & 0x20 else "utf-16-le")


def hint(name: str) -> bytes:
    """Nothing where a letter is beyond ASCII, as Windows leaves it."""
    return name[:4].encode() if name[:4].isascii() else bytes(4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("listed", [False, True], ids=["by its hint", "when all are known"])
def test_every_key_is_found_in_any_case(kind: str, *, listed: bool) -> None:
    _, keys = opened(kind)
    if listed:
        assert {name for name, _ in keys.all().values()} == set(NAMES)
    for name in NAMES:
        for asked in (name, name.upper(), name.lower()):
            found = keys.find(asked)
            assert found is not None, asked
            assert found[0] == name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["service-9", "servic", "", "z", "Ünï", "service-0000"])
def test_what_is_not_there_is_none(kind: str, name: str) -> None:
    assert opened(kind)[1].find(name) is None


@pytest.mark.parametrize(("name", "cells"), [("service-123", 1), ("DISK", 1), ("absent", 0)])
def test_only_what_may_be_it_is_read(name: str, cells: int) -> None:
    found, keys = opened("lh")
    left = found._cells_left
    keys.find(name)
    assert left - found._cells_left == cells


def test_the_keys_that_a_list_names_are_counted() -> None:
    found, _ = opened("lh")
    assert MAX_CELLS - found._cells_left >= len(NAMES)
