"""The cases of broken and odd boot disks, from the disk to the verdict of the checks that firmware concerns.

The truth of each was seen under QEMU with SeaBIOS and OVMF: what it starts, or that it starts nothing.
"""

import io
import struct

import pytest
from support import facts
from support.firmware_disks import MIB, fat, loaders, mbr_disk
from support.fixtures import fixture_path

from imgtool.checks.rules import boot_firmware, disk_whole, uefi_fallback
from imgtool.guest.inspect import inspect_disk
from imgtool.model.verdict import Outcome

PASS, FAIL, SKIPPED = Outcome.PASS, Outcome.FAIL, Outcome.SKIPPED
X64 = "EFI/BOOT/BOOTX64.EFI"
ESP = slice(2 * MIB, 6 * MIB)


def verdicts(disk: bytes | bytearray) -> tuple[Outcome, Outcome, Outcome]:
    """Of boot-firmware, uefi-fallback and disk-whole."""
    inspection = facts.inspection(guest=inspect_disk(io.BytesIO(disk), len(disk)))
    checks = (boot_firmware, uefi_fallback, disk_whole)
    return tuple(check.examine(inspection).outcome for check in checks)  # type: ignore[return-value]  # as much as is asked of it


def without_bios(disk: bytearray) -> None:
    """No boot code, and no core."""
    disk[:440] = bytes(440)
    disk[MIB : 2 * MIB] = bytes(MIB)


def with_esp(disk: bytearray, files: dict[str, bytes]) -> None:
    """The fixture's ESP with other files in it."""
    disk[ESP] = fat(files, 4 * MIB, "-F", "12", "-n", "ESP")


def arm() -> bytes:
    program = bytearray(loaders.efi_grub("/EFI/debian"))
    struct.pack_into("<H", program, 68, 0xAA64)
    return bytes(program)


GRUB = loaders.efi_grub("/EFI/debian")
BOTH_DEAD = {
    "efi-zero": {X64: b""},
    "efi-arm": {X64: arm()},
    "efi-cut": {X64: GRUB[:-512]},
    "efi-text": {X64: b"not a program\n"},
    "vendor only": {"EFI/debian/grubx64.efi": GRUB},
    "shim alone": {X64: loaders.efi_shim()},
    "arm only, by name": {"EFI/BOOT/BOOTAA64.EFI": arm()},
}


@pytest.mark.parametrize("case", sorted(BOTH_DEAD))
def test_uefi_only_and_its_loader_does_not_start(case: str) -> None:
    disk = bytearray(fixture_path("ext4-gpt").read_bytes())
    with_esp(disk, BOTH_DEAD[case])
    assert verdicts(disk) == (PASS, FAIL, PASS)
    without_bios(disk)
    assert verdicts(disk) == (FAIL, FAIL, PASS)


@pytest.mark.parametrize("name", ["efi/boot/bootx64.efi", X64])
def test_esp_lower(name: str) -> None:
    disk = bytearray(fixture_path("ext4-gpt").read_bytes())
    without_bios(disk)
    with_esp(disk, {name: GRUB})
    assert verdicts(disk) == (PASS, PASS, PASS)


def test_mbr_fat0c() -> None:
    disk = mbr_disk([(0, 0x0C, 2048, fat({X64: GRUB})), (0, 0x83, 20480, bytes(MIB))])
    assert verdicts(disk) == (PASS, PASS, PASS)


def test_hybrid_mbr() -> None:
    disk = bytearray(fixture_path("ext4-gpt").read_bytes())
    struct.pack_into("<B3xB3xII", disk, 462, 0, 0x83, 12288, 81920)
    assert verdicts(disk) == (PASS, PASS, PASS)


@pytest.mark.parametrize("fixture", ["bare-ext4", "bare-ext3", "data-disk"])
def test_disk_ext4_and_no_boot_loader_at_all(fixture: str) -> None:
    assert verdicts(fixture_path(fixture).read_bytes()) == (FAIL, SKIPPED, PASS)


def test_mbr_active_none() -> None:
    code = b"\x33\xc0Missing operating system.\r\nMultiple active partitions.\r\n"
    code += b"Operating system load error.\r\n"
    content = fixture_path("bare-ext4").read_bytes()
    disk = mbr_disk([(0, 0x83, 2048, content)], code=code, size=48 * MIB)
    assert verdicts(disk) == (FAIL, SKIPPED, PASS)


@pytest.mark.parametrize("cut", [20 * MIB, 3 * MIB])
def test_truncated(cut: int) -> None:
    disk = fixture_path("ext4-gpt").read_bytes()
    assert verdicts(disk[:-cut]) == (PASS, PASS, FAIL)


def test_the_first_gpt_is_damaged() -> None:
    """OVMF writes it anew from the backup and starts; by BIOS the kernel sees no partitions."""
    disk = bytearray(fixture_path("ext4-gpt").read_bytes())
    disk[512 + 16 : 512 + 20] = bytes(4)
    assert verdicts(disk) == (PASS, PASS, FAIL)
    without_bios(disk)
    assert verdicts(disk) == (PASS, PASS, PASS)
