"""Tables that are read here and whom their faults keep from them: UEFI, Linux, or nobody."""

import struct
import zlib
from collections.abc import Mapping

import pytest
from support.firmware_disks import looked_at
from support.fixtures import fixture_path

from imgtool.model.layout import NO_FAULTS, TableFaults

SECTOR = 512
DISK = fixture_path("ext4-gpt")
SIZE = DISK.stat().st_size


def faults(changes: Mapping[int, bytes], size: int = SIZE) -> TableFaults:
    content = bytearray(DISK.read_bytes()[:size])
    for offset, change in changes.items():
        content[offset : offset + len(change)] = change
    return looked_at(content)[0].faults


def sealed(changes: Mapping[int, bytes], entries: Mapping[int, bytes] | None = None) -> dict[int, bytes]:
    """The first header with bytes at these offsets replaced, and its entries, with the right checksums."""
    content = bytearray(DISK.read_bytes()[: 34 * SECTOR])
    for offset, change in (entries or {}).items():
        content[1024 + offset : 1024 + offset + len(change)] = change
    count, size = struct.unpack_from("<II", content, SECTOR + 80)
    struct.pack_into("<I", content, SECTOR + 88, zlib.crc32(content[1024 : 1024 + count * size]))
    for offset, change in changes.items():
        content[SECTOR + offset : SECTOR + offset + len(change)] = change
    content[SECTOR + 16 : SECTOR + 20] = bytes(4)
    struct.pack_into("<I", content, SECTOR + 16, zlib.crc32(content[SECTOR : SECTOR + 92]))
    return {SECTOR: bytes(content[SECTOR:])}


def test_a_sound_table_has_no_faults() -> None:
    assert faults({}) == NO_FAULTS
    assert faults(sealed({})) == NO_FAULTS


@pytest.mark.parametrize("change", [{512: bytes(512)}, {512 + 16: b"\xff"}, {1024 + 8: b"\xff"}])
def test_linux_does_not_look_at_the_backup_and_uefi_mends_the_first(change: Mapping[int, bytes]) -> None:
    found = faults(change)
    assert "does not look at the backup" in str(found.kernel)
    assert (found.uefi, found.mended_by_uefi) == (None, True)


@pytest.mark.parametrize("change", [{SIZE - 512: bytes(512)}, {SIZE - 512 + 16: b"\xff"}])
def test_a_backup_that_is_missing_alone_is_a_note(change: Mapping[int, bytes]) -> None:
    found = faults(change)
    assert (found.uefi, found.kernel) == (None, None)
    assert "missing or damaged" in str(found.backup)


@pytest.mark.parametrize("cut", [512, 40 * 512, 1 << 20])
def test_truncated_small(cut: int) -> None:
    found = faults({}, SIZE - cut)
    assert "beyond the end of the disk" in str(found.backup)
    assert found.uefi is None
    assert ("the disk ends at sector" in str(found.kernel)) is (cut > 34 * 512)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (struct.pack("<B3xB3xII", 0, 0xEE, 2, 98303), "no master boot record that protects it"),
        (bytes(16), "no master boot record that protects it"),
        (struct.pack("<B3xB3xII", 0, 0xEE, 1, 0xFFFFFFFF), None),
        (struct.pack("<B3xB3xII", 0x80, 0xEE, 1, 7), None),
    ],
)
def test_who_protects_it(entry: bytes, reason: str | None) -> None:
    found = faults({446: entry})
    assert found.uefi == found.kernel
    assert (reason or "") in str(found.kernel or "")
    assert (found.kernel is None) is (reason is None)


@pytest.mark.parametrize(
    ("offset", "first", "last", "attributes", "hidden"),
    [
        (0, 12288, 94207, 0, ()),
        (0, 12288, 94207, 2, (1,)),
        (0, 12288, 98303, 0, (1,)),
        (0, 10, 94207, 0, (1, 14, 15)),
        (0, 8000, 94207, 0, (1, 15)),
    ],
)
def test_partitions_that_uefi_leaves_out(
    offset: int, first: int, last: int, attributes: int, hidden: tuple[int, ...]
) -> None:
    entry = {offset + 32: struct.pack("<QQQ", first, last, attributes)}
    assert faults(sealed({}, entry)).hidden == hidden
