"""BIOS by the boot sector, UEFI by the loaders."""

import io
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.damage import damaged
from support.fixtures import fixture_path
from support.memory_filesystem import Content, MemoryFilesystem

from imgtool.guest.firmware import read_firmware
from imgtool.guest.mounts import Device
from imgtool.guest.partitions import BIOS_BOOT_GUID, ESP_GUID, Partition
from imgtool.guest.volumes import DiskLayout, Volume, read_layout
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.model.layout import Firmware

CODE = b"\xfa\xb8" + bytes(508) + b"\x55\xaa"
NO_CODE = bytes(510) + b"\x55\xaa"


def partition(number: int, kind: str, *, bootable: bool = False) -> Partition:
    return Partition(number, kind, None, None, 0, 4096, bootable)


def layout(sector: bytes, *partitions: Partition, scheme: str = "gpt") -> DiskLayout:
    return DiskLayout(scheme, partitions, sector, b"", ())  # type: ignore[arg-type]


def esp(tree: Mapping[str, Content], problem: str | None = None, kind: str = ESP_GUID) -> Device:
    filesystem = MemoryFilesystem(tree, "vfat", problem=problem)
    return Device(Volume("partition 2", 4096, (2,), io.BytesIO), filesystem, partition(2, kind))


def value(fact: Fact[Firmware]) -> tuple[bool, bool]:
    assert isinstance(fact, Known)
    assert fact.evidence
    return fact.value.bios, fact.value.uefi


def of_fixture(name: str) -> Fact[Firmware]:
    disk = fixture_path(name)
    with disk.open("rb") as file:
        return read_firmware(read_layout(file, disk.stat().st_size), [])


def test_the_boot_sector_of_grub_and_its_core() -> None:
    fact = of_fixture("ext4-gpt")
    assert value(fact) == (True, False)
    assert "GRUB" in fact.evidence  # type: ignore[union-attr]
    assert value(of_fixture("mbr-logical")) == (True, False)
    assert value(of_fixture("xfs-gpt")) == (False, False)
    assert value(of_fixture("xfs-v4")) == (False, False)


@pytest.mark.parametrize("sector", [3, 2 << 40])
def test_a_boot_sector_that_leads_nowhere_boots_nothing(sector: int, tmp_path: Path) -> None:
    disk = fixture_path("mbr-logical")
    change = {0x5C: sector.to_bytes(8, "little")}
    with disk.open("rb") as file:
        fact = read_firmware(read_layout(damaged(file, change), disk.stat().st_size), [])
    assert value(fact)[0] is (sector == 3 and any(disk.open("rb").read(2048)[1536:]))


@pytest.mark.parametrize(
    ("found", "bios"),
    [
        (layout(NO_CODE, partition(1, BIOS_BOOT_GUID)), False),
        (layout(CODE, partition(1, BIOS_BOOT_GUID)), True),
        (layout(CODE, partition(1, "other", bootable=True)), True),
        (layout(CODE, partition(1, "other")), False),
        (layout(CODE, partition(1, "0x83", bootable=True), scheme="mbr"), True),
        (layout(CODE, partition(1, "0x83"), scheme="mbr"), False),
        (layout(CODE, scheme="none"), False),
        (layout(CODE[:100] + b"EXTLINUX" + CODE[108:], scheme="none"), True),
        (layout(CODE[:510] + b"\0\0", partition(1, BIOS_BOOT_GUID)), False),
    ],
)
def test_other_boot_code_needs_a_partition_that_is_marked(found: DiskLayout, *, bios: bool) -> None:
    assert value(read_firmware(found, [])) == (bios, False)


@pytest.mark.parametrize(
    ("tree", "uefi", "evidence"),
    [
        ({"EFI/BOOT/BOOTX64.EFI": "MZ"}, True, "EFI/BOOT/BOOTX64.EFI on partition 2"),
        ({"EFI/BOOT/BOOTAA64.EFI": "MZ"}, True, "BOOTAA64"),
        ({"EFI/debian/grubx64.efi": "MZ"}, True, "no fallback loader"),
        ({"EFI/debian/grub.cfg": "x"}, False, "no loader on partition 2"),
        ({"EFI/BOOT/BOOTX64.EFI": {}}, False, "no loader"),
        ({}, False, "no loader"),
    ],
)
def test_loaders(tree: Mapping[str, Content], evidence: str, *, uefi: bool) -> None:
    fact = read_firmware(layout(NO_CODE), [esp(tree)])
    assert value(fact) == (False, uefi)
    assert isinstance(fact, Known)
    assert evidence in fact.evidence
    assert ("no fallback loader" in fact.evidence) is (evidence == "no fallback loader")


@pytest.mark.parametrize(
    ("tree", "architecture", "fallback"),
    [
        ({"EFI/BOOT/BOOTX64.EFI": "MZ"}, "x86_64", "EFI/BOOT/BOOTX64.EFI"),
        ({"efi/boot/BOOTX64.EFI": "MZ", "EFI/BOOT/BOOTX64.EFI": "MZ"}, None, "EFI/BOOT/BOOTX64.EFI"),
        ({"EFI/BOOT/BOOTX64.EFI": "MZ", "EFI/BOOT/BOOTAA64.EFI": "MZ"}, "aarch64", "EFI/BOOT/BOOTAA64.EFI"),
        ({"EFI/BOOT/BOOTX64.EFI": "MZ"}, "aarch64", None),
        ({"EFI/BOOT/BOOTIA32.EFI": "MZ"}, "x86_64", None),
        ({"EFI/BOOT/BOOTX64.EFI": "MZ"}, "s390x", None),
        ({"EFI/debian/shimx64.efi": "MZ"}, "x86_64", None),
    ],
)
def test_the_fallback_loader_is_the_guest_s_own(
    tree: Mapping[str, Content], architecture: str | None, fallback: str | None
) -> None:
    fact = read_firmware(layout(NO_CODE), [esp(tree)], architecture)
    assert isinstance(fact, Known)
    assert fact.value.fallback_loader == fallback
    assert fact.value.uefi is True
    assert ("no fallback loader" in fact.evidence) is (fallback is None)


def test_the_esp_of_an_mbr_disk() -> None:
    device = esp({"EFI/BOOT/BOOTX64.EFI": "MZ"}, kind="0xef")
    assert value(read_firmware(layout(NO_CODE, scheme="mbr"), [device])) == (False, True)


def test_an_esp_that_cannot_be_read_is_unknown() -> None:
    fact = read_firmware(layout(NO_CODE), [esp({}, problem="it is damaged")])
    assert fact == Unknown("the EFI system partition: it is damaged")
