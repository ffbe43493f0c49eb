"""Members of software RAID, as mdadm lays them out: RAID 1 is read, of others one line says what they are."""

import io
import struct

import pytest

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.md_raid import MAGIC, read_member
from imgtool.guest.volumes import Volume, read_layout

MIB = 1 << 20
SIZE = 8 * MIB
CONTENT = b"the file system"
WHERE = {"1.2": 4096, "1.1": 0, "1.0": SIZE - 8192, "0.90": SIZE - (64 << 10)}
START = {"1.2": MIB, "1.1": MIB, "1.0": 0, "0.90": 0}


def superblock(version: str, level: int, name: bytes = b"host:root", offset: int | None = None) -> bytes:
    """struct mdp_superblock_1, or the start of mdp_superblock_s."""
    head = bytearray(256)
    if version == "0.90":
        struct.pack_into("<7IiI", head, 0, MAGIC, 0, 90, 0, 0, 0, 0, level, 0)
        return bytes(head)
    struct.pack_into("<II", head, 0, MAGIC, 1)
    head[16:32] = bytes(range(16))
    head[32 : 32 + len(name)] = name
    struct.pack_into("<i", head, 72, level)
    start = START[version]
    own = WHERE[version] if offset is None else offset
    struct.pack_into("<QQQ", head, 128, start // 512, (WHERE["0.90"] - start) // 512, own // 512)
    return bytes(head)


def member(version: str, level: int = 1, **more: int) -> bytes:
    disk = bytearray(SIZE)
    head = superblock(version, level, offset=more.get("offset"))
    disk[START[version] : START[version] + len(CONTENT)] = CONTENT
    disk[WHERE[version] : WHERE[version] + len(head)] = head
    return bytes(disk)


def volume(disk: bytes) -> Volume:
    (only,) = read_layout(io.BytesIO(disk), len(disk)).volumes
    return only


@pytest.mark.parametrize("version", WHERE)
def test_a_mirror_is_read_from_one_member(version: str) -> None:
    found = volume(member(version))
    assert found.open().read(len(CONTENT)) == CONTENT
    assert found.size_bytes == WHERE["0.90"] - START[version]
    assert found.array is not None
    assert found.array.uuid == ("" if version == "0.90" else "00010203:04050607:08090a0b:0c0d0e0f")


@pytest.mark.parametrize("version", WHERE)
@pytest.mark.parametrize(("level", "title"), [(0, "RAID 0"), (5, "RAID 5"), (10, "RAID 10"), (-1, "linear")])
def test_all_others_are_named(version: str, level: int, title: str) -> None:
    with pytest.raises(GuestReadError, match=f"disk is a member of a software RAID .{title}"):
        volume(member(version, level)).open()


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2"])
def test_a_superblock_that_was_copied_elsewhere_is_none(version: str) -> None:
    assert volume(member(version, offset=512)).size_bytes == SIZE


def test_what_does_not_fit_is_none() -> None:
    head = bytearray(superblock("1.2", 1))
    for start, size in ((1 << 60, 8), (8, 1 << 60), (2**64 - 1, 8), (8, 0)):
        struct.pack_into("<QQ", head, 128, start, size)
        disk = bytes(4096) + bytes(head) + bytes(SIZE - 4096 - len(head))
        assert read_member(lambda offset, length, disk=disk: disk[offset : offset + length], SIZE) is None


@pytest.mark.parametrize("size", [0, 1, 512, 4096, 65536])
def test_small_volumes(size: int) -> None:
    assert read_member(lambda offset, length: bytes(max(0, min(length, size - offset))), size) is None


def test_the_name_is_printable() -> None:
    disk = bytearray(SIZE)
    disk[4096:4352] = superblock("1.2", 5, b"\x1b[2J\xff")
    with pytest.raises(GuestReadError) as caught:
        volume(bytes(disk)).open()
    assert "\x1b" not in str(caught.value)
