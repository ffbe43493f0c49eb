"""Hives: keys, values, and what is damaged or made to mislead."""

import struct

import pytest
from support.guest_tree import guest_tree
from support.windows import CONFIG, EXPAND_SZ, hive

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.windows.registry import Key, open_hive, unwritten_changes
from imgtool.guest.windows.registry_guard import MAX_CELLS

PATH = f"{CONFIG}/SYSTEM"
KEYS = {
    "Select": {"Current": 1, "": "default"},
    "Select\\Below": {"Path": (EXPAND_SZ, "%SystemRoot%\\x"), "Raw": b"\1\2\3"},
    "Ünïcode": {"Ключ": "Значение"},
}
ROOT_CELL = 0x20
BASE = 4096


def opened(content: bytes) -> Key:
    found = open_hive(guest_tree({PATH: content}), PATH)
    assert found is not None
    return found


def key(root: Key, path: str) -> Key:
    found = root.key(path)
    assert found is not None, path
    return found


def test_keys_and_values_are_found_in_any_case() -> None:
    root = opened(hive(KEYS))
    assert sorted(root.names()) == ["Select", "Ünïcode"]
    assert key(root, "sELECT").number("CURRENT") == 1
    below = key(root, "select\\BELOW")
    assert below.text("path") == "%SystemRoot%\\x"
    assert below.where == "SYSTEM\\Select\\Below"
    assert sorted(below.value_names()) == ["Path", "Raw"]


def test_texts_in_other_scripts_are_kept() -> None:
    assert key(opened(hive(KEYS)), "Ünïcode").text("Ключ") == "Значение"


def test_the_default_value_has_no_name() -> None:
    assert key(opened(hive(KEYS)), "Select").text("") == "default"


def test_what_is_not_there_is_none() -> None:
    root = opened(hive(KEYS))
    assert root.key("Select\\Missing") is None
    assert root.key("Missing\\Below") is None
    assert key(root, "Select").number("Missing") is None
    assert open_hive(guest_tree({}), PATH) is None


def test_a_value_of_another_type_is_an_error() -> None:
    root = opened(hive(KEYS))
    with pytest.raises(GuestReadError, match="no number"):
        key(root, "Select\\Below").number("Path")
    with pytest.raises(GuestReadError, match="no text"):
        key(root, "Select").text("Current")


def test_many_keys_are_found() -> None:
    root = opened(hive({f"Services\\service-{number:04}": {"Start": number} for number in range(1500)}))
    assert key(root, "services\\SERVICE-1234").number("start") == 1234
    assert len(key(root, "Services").names()) == 1500


def test_a_key_is_read_once_however_often_it_is_asked_for() -> None:
    root = opened(hive(KEYS))
    assert root.key("Select\\Below") is root.key("select\\below")


# ---------------------------------------------------------------- damage


@pytest.mark.parametrize("content", [b"", b"regf", b"MZ" + bytes(9000), b"regf" + bytes(9000)])
def test_what_is_no_hive_is_an_error(content: bytes) -> None:
    with pytest.raises(GuestReadError):
        opened(content)


def test_a_hive_that_is_cut_off_is_an_error() -> None:
    content = hive(KEYS)
    with pytest.raises(GuestReadError):
        key(opened(content[: BASE + 4096]), "Select\\Below").text("Path")


def changed(content: bytes, offset: int, data: bytes) -> bytes:
    return content[:offset] + data + content[offset + len(data) :]


def list_of_root(content: bytes) -> int:
    """Where the list of keys below the root stands in the file."""
    return BASE + struct.unpack_from("<I", content, BASE + ROOT_CELL + 4 + 28)[0]


def test_a_list_that_holds_itself_ends() -> None:
    content = hive(KEYS)
    at = list_of_root(content)
    circle = b"ri" + struct.pack("<HI", 1, at - BASE)
    with pytest.raises(GuestReadError, match="damaged list"):
        opened(changed(content, at + 4, circle)).key("Select")


def test_a_list_in_a_list_is_read() -> None:
    content = hive(KEYS)
    at = list_of_root(content)
    bin_header = b"hbin" + struct.pack("<IIQQI", len(content) - BASE, BASE, 0, 0, 0)
    outer = struct.pack("<i2sHI", -16, b"ri", 1, at - BASE).ljust(16, b"\0")
    content += (bin_header + outer).ljust(4096, b"\0")
    offset = struct.pack("<I", len(content) - 4096 + 32 - BASE)
    assert key(opened(changed(content, BASE + ROOT_CELL + 4 + 28, offset)), "Select").number("Current") == 1


@pytest.mark.parametrize("entry", [0xFFFFFFF0, 0x7FFFFFF8, 4, 0x20 + 1])
def test_a_cell_outside_of_the_hive_is_an_error(entry: int) -> None:
    content = hive(KEYS)
    at = list_of_root(content)
    with pytest.raises(GuestReadError):
        opened(changed(content, at + 8, struct.pack("<I", entry))).key("Select")


def test_a_key_that_was_deleted_is_an_error() -> None:
    """Its cell is free, though the list still names it."""
    content = hive(KEYS)
    at = list_of_root(content)
    cell = BASE + struct.unpack_from("<I", content, at + 8)[0]
    size = struct.unpack_from("<i", content, cell)[0]
    with pytest.raises(GuestReadError, match="not in use"):
        opened(changed(content, cell, struct.pack("<i", -size))).key("Select")


def test_a_hive_made_to_mislead_ends() -> None:
    """Lists that name one cell again and again."""
    content = hive(KEYS)
    at = list_of_root(content)
    width = MAX_CELLS // 400
    leaf_cell = struct.unpack_from("<I", content, at + 8)[0]
    start = len(content) - BASE
    leaf = struct.pack("<i2sH", -(8 + 4 * width), b"li", width) + struct.pack("<I", leaf_cell) * width
    leaf = leaf.ljust(-(-len(leaf) // 8) * 8, b"\0")
    leaf = struct.pack("<i", -len(leaf)) + leaf[4:]
    outer = struct.pack("<2sH", b"ri", 1000) + struct.pack("<I", start + 32) * 1000
    outer = struct.pack("<i", -(len(outer) + 4)) + outer
    body = b"hbin".ljust(32, b"\0") + leaf + outer
    content += body.ljust(-(-len(body) // 4096) * 4096, b"\0")
    misled = changed(content, BASE + ROOT_CELL + 4 + 28, struct.pack("<I", start + 32 + len(leaf)))
    with pytest.raises(GuestReadError, match="cells were read"):
        opened(misled).key("Select")


def test_changes_that_are_only_in_the_log_are_told() -> None:
    content = hive(KEYS)
    dirty = changed(content, 4, struct.pack("<II", 8, 7))
    files = {PATH: dirty, f"{PATH}.LOG1": b"log", f"{PATH}.LOG2": b""}
    assert unwritten_changes(guest_tree(files), PATH) == (
        f"{PATH}.LOG1 may hold later changes, which are not read"
    )
    assert unwritten_changes(guest_tree({**files, PATH: content}), PATH) is None
    assert unwritten_changes(guest_tree({PATH: dirty}), PATH) is None
