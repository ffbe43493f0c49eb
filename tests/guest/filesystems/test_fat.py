"""FAT: names, chains, labels."""

import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.damage import damaged

from imgtool.guest.filesystems import open_filesystem
from imgtool.guest.filesystems.base import GuestReadError, Node
from imgtool.guest.filesystems.fat_table import FatTable

MIB = 1 << 20


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    path = tmp_path / "fat"
    path.write_bytes(bytes(24 * MIB))
    subprocess.run(["mkfs.vfat", "-F", "16", "-n", "SYSTEM", "-i", "abcd0123", path], check=True, stdout=-3)
    return path


def top(content: bytes) -> Node:
    found = open_filesystem(io.BytesIO(content), len(content))
    assert found is not None
    return found.root()


def put(volume: Path, name: str, content: bytes) -> None:
    source = volume.with_name("source")
    source.write_bytes(content)
    subprocess.run(["mcopy", "-o", "-i", str(volume), str(source), f"::{name}"], check=True)


def test_label_and_serial_number(volume: Path) -> None:
    content = volume.read_bytes()
    found = open_filesystem(io.BytesIO(content), len(content))
    assert found is not None
    assert (found.type, found.label, found.uuid) == ("vfat", "SYSTEM", "ABCD-0123")


@pytest.mark.parametrize(
    "name",
    [
        "BOOTX64.EFI",
        "lower.txt",
        "A rather long name of more than 13 letters.cfg",
        "Zoë ☃.txt",
        "noext",
        "x" * 250,
    ],
)
def test_names_are_kept_and_found_in_any_case(volume: Path, name: str) -> None:
    put(volume, name, b"content")
    node = top(volume.read_bytes())
    assert [entry for entry, _ in node.children()] == [name]
    for asked in (name, name.upper(), name.lower(), name.swapcase()):
        found = node.child(asked)
        assert found is not None
        assert found.open().read() == b"content"


def test_deleted_files_are_gone(volume: Path) -> None:
    put(volume, "a long name that is deleted.txt", b"1")
    put(volume, "kept.txt", b"2")
    subprocess.run(["mdel", "-i", str(volume), "::a long name that is deleted.txt"], check=True)
    assert [name for name, _ in top(volume.read_bytes()).children()] == ["kept.txt"]


def test_a_fragmented_file_is_read_in_order(volume: Path) -> None:
    for number in range(8):
        put(volume, f"f{number}", bytes([number]) * 9000)
    for number in range(0, 8, 2):
        subprocess.run(["mdel", "-i", str(volume), f"::f{number}"], check=True)
    expected = bytes(range(256)) * 300
    put(volume, "big", expected)
    node = top(volume.read_bytes()).child("big")
    assert node is not None
    assert node.open().read() == expected


def table(bits: int, entries: list[int]) -> FatTable:
    if bits == 12:
        number = sum(entry << (12 * index) for index, entry in enumerate(entries))
        content = number.to_bytes(len(entries) * 12 // 8 + 2, "little")
    else:
        content = b"".join(entry.to_bytes(bits // 8, "little") for entry in entries)
    return FatTable(content, bits, len(entries) - 2)


@pytest.mark.parametrize("bits", [12, 16, 32])
def test_chains(bits: int) -> None:
    last = {12: 0xFFF, 16: 0xFFFF, 32: 0x0FFFFFFF}[bits]
    found = table(bits, [0, 0, 5, last, 3, 4, 2, 7])
    assert found.chain(2, 100) == [2, 5, 4, 3]
    assert found.chain(2, 2) == [2, 5]
    for start in (7, 0, 1, 8, 1 << 27):
        with pytest.raises(GuestReadError, match="damaged chain"):
            found.chain(start, 100)


@pytest.mark.parametrize("spoil", [lambda entry: entry, lambda _: 0, lambda _: 0xFFF0])
def test_a_damaged_chain_is_an_error(volume: Path, spoil: Callable[[int], int]) -> None:
    put(volume, "file", b"x" * 30_000)
    content = volume.read_bytes()
    start = int.from_bytes(content[14:16], "little") * 512 + 2 * 2
    first = 2
    with volume.open("rb") as file:
        stream = damaged(file, {start: spoil(first).to_bytes(2, "little")})
        found = open_filesystem(stream, len(content))
        assert found is not None
        node = found.root().child("file")
        assert node is not None
        with pytest.raises(GuestReadError, match="damaged chain"):
            node.open()
