"""Partition tables made by sgdisk and sfdisk, and hostile ones made by hand."""

import io
import struct
import subprocess
import zlib
from pathlib import Path

import pytest
from support.damage import damaged
from support.fixtures import fixture_path

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.partitions import BIOS_BOOT_GUID, ESP_GUID
from imgtool.guest.volumes import DiskLayout, read_layout

MIB = 1 << 20


def layout_of(disk: Path) -> DiskLayout:
    with disk.open("rb") as file:
        return read_layout(file, disk.stat().st_size)


def layout_of_bytes(content: bytes) -> DiskLayout:
    return read_layout(io.BytesIO(content), len(content))


def blank(tmp_path: Path, size: int = 16 * MIB) -> Path:
    disk = tmp_path / "disk"
    with disk.open("wb") as file:
        file.truncate(size)
    return disk


def test_gpt_is_read_as_sgdisk_wrote_it() -> None:
    layout = layout_of(fixture_path("ext4-gpt"))
    assert layout.scheme == "gpt"
    assert [(p.number, p.label, p.start_bytes // MIB, p.size_bytes // MIB) for p in layout.partitions] == [
        (1, "root", 6, 40),
        (14, "bios", 1, 1),
        (15, "esp", 2, 4),
    ]
    assert layout.partitions[0].uuid == "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeee0001"
    assert layout.partitions[1].type == BIOS_BOOT_GUID
    assert layout.partitions[2].type == ESP_GUID
    assert layout.boot_code
    assert [v.name for v in layout.volumes] == ["partition 1", "partition 14", "partition 15"]


def test_logical_partitions_are_numbered_from_five() -> None:
    layout = layout_of(fixture_path("mbr-logical"))
    assert layout.scheme == "mbr"
    assert [(p.number, p.type, p.uuid, p.start_bytes // 512, p.bootable) for p in layout.partitions] == [
        (1, "0x83", "cafe1234-01", 2048, True),
        (5, "0x83", "cafe1234-05", 36864, False),
        (6, "0x82", "cafe1234-06", 120832, False),
    ]


def test_a_disk_without_a_table_is_one_volume() -> None:
    layout = layout_of(fixture_path("bare-ext4"))
    assert layout.scheme == "none"
    assert [(v.name, v.size_bytes) for v in layout.volumes] == [("disk", 40 * MIB)]
    assert not layout.boot_code


def test_logical_volumes_name_their_partition() -> None:
    disk = fixture_path("lvm-xfs")
    with disk.open("rb") as file:
        layout = read_layout(file, disk.stat().st_size)
        logical = {v.name: v for v in layout.volumes if v.is_logical}
        assert set(logical) == {"vg-sys/root", "vg-sys/var"}
        assert logical["vg-sys/root"].partitions == (3,)
        assert logical["vg-sys/root"].open().read(4) == b"XFSB"
    assert layout.problem is None


def test_many_partitions(tmp_path: Path) -> None:
    disk = blank(tmp_path, 64 * MIB)
    new = [word for number in range(1, 129) for word in ("-n", f"{number}:{number * 64 + 2048}:+31")]
    subprocess.run(["sgdisk", "-a", "1", *new, disk], check=True, stdout=subprocess.DEVNULL)
    assert len(layout_of(disk).partitions) == 128


def test_the_backup_serves_where_the_first_table_is_damaged() -> None:
    disk = fixture_path("ext4-gpt")
    with disk.open("rb") as file:
        whole = read_layout(file, disk.stat().st_size)
        for change in ({512 + 40: b"\xff"}, {1024 + 8: b"\xff"}, {512: bytes(512)}):
            assert read_layout(damaged(file, change), disk.stat().st_size).partitions == whole.partitions


def test_two_damaged_tables_are_an_error() -> None:
    disk = fixture_path("ext4-gpt")
    size = disk.stat().st_size
    with disk.open("rb") as file, pytest.raises(GuestReadError, match="backup are damaged"):
        read_layout(damaged(file, {512: b"X", size - 512: b"X"}), size)


def test_a_table_of_4096_byte_sectors(tmp_path: Path) -> None:
    small = layout_of(fixture_path("data-disk"))
    disk = blank(tmp_path, 64 * MIB)
    content = fixture_path("data-disk").read_bytes()
    with disk.open("r+b") as file:
        file.write(content[:512])
        file.seek(4096)
        file.write(_header_for_4k(content))
        file.seek(8192)
        file.write(content[1024 : 1024 + 128 * 128])
    big = layout_of(disk)
    assert [p.start_bytes for p in big.partitions] == [p.start_bytes * 8 for p in small.partitions]


def _header_for_4k(content: bytes) -> bytes:
    header = bytearray(content[512:604])
    header[16:20] = bytes(4)
    header[16:20] = struct.pack("<I", zlib.crc32(header))
    return bytes(header)


def test_a_partition_beyond_the_disk_is_named_and_unreadable() -> None:
    layout = layout_of_bytes(bytes(mbr((0x83, 1, 4), (0x83, 4, 40), (0x83, 90, 2))) + bytes(9 * 512))
    assert [p.size_bytes // 512 for p in layout.partitions] == [4, 6, 0]
    assert len(layout.volumes[1].open().read()) == 6 * 512
    with pytest.raises(GuestReadError, match="beyond the end of the disk"):
        layout.volumes[2].open()


def mbr(*entries: tuple[int, int, int]) -> bytearray:
    """A boot record with entries of (type, start, size)."""
    sector = bytearray(512)
    for index, (kind, start, size) in enumerate(entries):
        struct.pack_into("<B3xB3xII", sector, 446 + 16 * index, 0, kind, start, size)
    sector[510:512] = b"\x55\xaa"
    return sector


def test_a_chain_of_logical_partitions_that_leads_in_a_circle_is_told() -> None:
    disk = bytearray(64 * 512)
    disk[:512] = mbr((0x05, 8, 40))
    disk[8 * 512 : 9 * 512] = mbr((0x83, 1, 2), (0x05, 8, 4))
    disk[16 * 512 : 17 * 512] = mbr((0x83, 1, 2), (0x05, 8, 4))
    layout = layout_of_bytes(bytes(disk))
    assert [p.number for p in layout.partitions] == [5, 6]
    assert "circle" in str(layout.problem)


def test_a_damaged_extended_boot_record_is_told() -> None:
    disk = bytes(mbr((0x0F, 8, 40))) + bytes(63 * 512)
    assert layout_of_bytes(disk).problem == "the extended boot record at sector 8 is damaged"


def test_too_many_logical_partitions_are_told() -> None:
    disk = bytearray(400 * 512)
    disk[:512] = mbr((0x05, 1, 390))
    for number in range(200):
        at = (1 + number) * 512
        disk[at : at + 512] = mbr((0x83, 1, 1), (0x05, number + 1, 2))
    layout = layout_of_bytes(bytes(disk))
    assert len(layout.partitions) == 100
    assert layout.problem == "more than 100 logical partitions"


def test_partitions_that_overlap_are_both_read() -> None:
    disk = bytes(mbr((0x83, 1, 20), (0x83, 2, 20))) + bytes(range(1, 64)) * 512
    one, two = layout_of_bytes(disk).volumes
    assert one.open().read()[512:] == two.open().read()[: 19 * 512]


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 1024, 4097])
def test_tiny_disks(size: int) -> None:
    layout = layout_of_bytes(bytes(size))
    assert layout.scheme == "none"
    assert layout.volumes[0].size_bytes == size


def test_a_gpt_without_its_protective_record_is_read_and_nobody_sees_it() -> None:
    whole = layout_of(fixture_path("data-disk"))
    disk = fixture_path("data-disk")
    with disk.open("rb") as file:
        layout = read_layout(damaged(file, {446: bytes(66)}), disk.stat().st_size)
    assert layout.partitions == whole.partitions
    assert "no master boot record" in str(layout.faults.uefi)
    assert layout.faults.kernel == layout.faults.uefi
    assert (whole.faults.uefi, whole.faults.kernel, whole.faults.backup) == (None, None, None)


class Failing(io.RawIOBase):
    """A disk whose reader fails."""

    def seek(self, offset: int, whence: int = 0) -> int:
        raise OSError("boom")


def test_a_disk_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(GuestReadError, match="boom"):
        read_layout(Failing(), 4096)  # type: ignore[arg-type]  # as much as is asked of it
