"""FAT: names, chains, labels."""

import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.damage import damaged

from imgtool.guest.filesystems import open_filesystem
from imgtool.guest.filesystems.base import GuestReadError, Node
from imgtool.guest.filesystems.fat import FatFilesystem, FatTable
from imgtool.guest.firmware.fat_driver import why_not_read

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


def opened(content: bytes) -> FatFilesystem:
    found = open_filesystem(io.BytesIO(content), len(content))
    assert isinstance(found, FatFilesystem)
    return found


def told_by_blkid(path: Path) -> tuple[str | None, str | None]:
    """Label and UUID."""
    run = subprocess.run(["blkid", "-p", "-o", "export", path], check=True, capture_output=True, text=True)
    told = dict(line.split("=", 1) for line in run.stdout.splitlines())
    return told.get("LABEL"), told.get("UUID")


SPOILT_IDENTITIES: dict[str, dict[int, bytes]] = {
    "as mkfs made it": {},
    "another label in the boot sector": {7: b"BOOT SECTOR"},
    "no signature before the serial number": {2: b"\0"},
    "the older signature": {2: b"\x28"},
    "serial number 0": {3: bytes(4)},
}


@pytest.mark.parametrize("labels", [True, False], ids=["labelled", "without a label"])
@pytest.mark.parametrize("changes", SPOILT_IDENTITIES.values(), ids=SPOILT_IDENTITIES)
@pytest.mark.parametrize("bits", [12, 16, 32])
def test_label_and_serial_number_are_those_of_blkid(
    bits: int, changes: dict[int, bytes], labels: bool, tmp_path: Path
) -> None:
    path = tmp_path / "fat"
    path.write_bytes(bytes((36 if bits == 32 else 8) * MIB))
    named = ["-n", "IN-ROOT"] if labels else []
    made = ["mkfs.vfat", "-F", str(bits), "-s", "1" if bits != 12 else "8", "-i", "abcd0123", *named, path]
    subprocess.run(made, check=True, stdout=-3, stderr=-3)
    extended = 64 if bits == 32 else 36
    with path.open("r+b") as file:
        for offset, content in changes.items():
            file.seek(extended + offset)
            file.write(content)
    found = opened(path.read_bytes())
    assert (found.label, found.uuid) == told_by_blkid(path)


def test_a_label_after_deleted_and_long_names(volume: Path) -> None:
    for number in range(20):
        put(volume, f"a rather long name, number {number}", b"")
    subprocess.run(["mdel", "-i", str(volume), "::a*"], check=True)
    subprocess.run(["fatlabel", volume, "CHANGED"], check=True, stdout=-3)
    assert opened(volume.read_bytes()).label == "CHANGED" == told_by_blkid(volume)[0]


def test_fat32_with_too_few_clusters_is_linux_only(tmp_path: Path) -> None:
    """mkfs.vfat warns of it; Linux reads it as FAT32, and firmware does not read it at all."""
    path = tmp_path / "fat"
    path.write_bytes(bytes(36 * MIB))
    made = ["mkfs.vfat", "-F", "32", "-s", "1", "-n", "SMALL", "-i", "abcd0123", path]
    subprocess.run(made, check=True, stdout=-3)
    put(path, "A long name.efi", b"content")
    with path.open("r+b") as file:
        file.seek(32)
        file.write((24 * MIB // 512).to_bytes(4, "little"))
    found = opened(path.read_bytes())
    assert (found.label, found.uuid) == ("SMALL", "ABCD-0123") == told_by_blkid(path)
    node = found.root().child("a long name.EFI")
    assert node is not None
    assert node.open().read() == b"content"
    assert why_not_read(path.read_bytes()[:512]) is not None
