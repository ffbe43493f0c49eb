"""What UEFI starts: every case of the fallback path, by programs that are made up and by real ones."""

import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.firmware_disks import GRUB, MIB, fat, loaders, looked_at, mbr_disk, mtools
from support.fixtures import fixture_path

from imgtool.guest.boot_runs import run_boot
from imgtool.guest.bootloader.start import NoStart, Start
from imgtool.guest.firmware import look, starts_on
from imgtool.model.facts import Known

GOOD = loaders.efi_grub("/EFI/debian", "search.fs_uuid 1234 root\n")
X64, AA64 = "EFI/BOOT/BOOTX64.EFI", "EFI/BOOT/BOOTAA64.EFI"
TEXT = b"#!/bin/sh\necho this is no program\n" * 20
Files = Mapping[str, bytes]


def started(
    *volumes: bytes, kinds: tuple[int, ...] = (), architecture: str | None = "x86_64"
) -> Start | NoStart:
    """By UEFI from an MBR disk with these file systems, of type 0xef where no other is given."""
    start, partitions = 2048, []
    for index, volume in enumerate(volumes):
        partitions.append((0, kinds[index] if kinds else 0xEF, start, volume))
        start += -(-len(volume) // 512)
    return look(*looked_at(mbr_disk(partitions, size=(start + 2048) * 512)), architecture).start


def reason_of(start: Start | NoStart) -> str:
    assert isinstance(start, NoStart), start
    assert start.known
    return start.reason


@pytest.mark.parametrize("name", ["EFI/BOOT/BOOTX64.EFI", "efi/boot/bootx64.efi", "Efi/Boot/BootX64.efi"])
@pytest.mark.parametrize("kind", [0xEF, 0x0C, 0x0B, 0x07, 0x83])
def test_esp_lower_and_mbr_fat0c(name: str, kind: int) -> None:
    start = started(fat({name: GOOD}), kinds=(kind,))
    assert isinstance(start, Start)
    assert (start.loader, start.prefix, start.script) == ("grub", "/EFI/debian", "search.fs_uuid 1234 root\n")
    assert start.path.casefold() == "/efi/boot/bootx64.efi"
    assert start.place.endswith("on partition 1")
    assert start.device is not None


def changed(program: bytes, machine: int) -> bytes:
    image = bytearray(program)
    struct.pack_into("<H", image, 64 + 4, machine)
    return bytes(image)


REFUSED: dict[str, tuple[bytes, str]] = {
    "efi-zero": (b"", "it is empty"),
    "efi-arm": (changed(GOOD, 0xAA64), "it is a program for aarch64, not for x86_64"),
    "ia32": (changed(GOOD, 0x14C), "it is a program for i686"),
    "unknown machine": (changed(GOOD, 0x1234), "an unknown machine"),
    "cut": (GOOD[:-512], "it is cut off: its section mods ends at byte"),
    "cut in the headers": (GOOD[:600], "it is cut off"),
    "cut before the PE header": (GOOD[:64], "it is cut off"),
    "half of a header": (GOOD[:20], "it is no EFI program"),
    "text": (TEXT, "it is no EFI program but text"),
    "ELF": (b"\x7fELF" + bytes(5000), "but an ELF file"),
    "zeros": (bytes(5000), "it begins with zeros"),
    "zeros after the headers": (GOOD[:1024] + bytes(len(GOOD) - 1024), "there is no code"),
    "driver": (loaders.efi_application({".text": b"x" * 99}, subsystem=11), "no EFI application"),
    "stub without a kernel": (
        loaders.efi_application({".text": b"x" * 99, ".sdmagic": b"#### LoaderInfo: systemd-stub 252 ####"}),
        "without a kernel",
    ),
    "GRUB without modules": (
        loaders.efi_application({".text": b"x" * 99, "mods": bytes(600)}),
        "no modules and no prefix",
    ),
}


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_programs_that_do_not_start(case: str) -> None:
    content, reason = REFUSED[case]
    assert reason in reason_of(started(fat({X64: content})))


@pytest.mark.parametrize(
    ("case", "goes_on"),
    [("efi-zero", True), ("text", True), ("driver", True), ("efi-arm", False), ("cut", False)],
)
def test_the_next_file_system_is_looked_at_where_the_first_has_no_candidate(
    case: str, *, goes_on: bool
) -> None:
    start = started(fat({X64: REFUSED[case][0]}), fat({X64: GOOD}))
    assert isinstance(start, Start) is goes_on
    if isinstance(start, Start):
        assert "partition 2" in start.place


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "no EFI/BOOT/BOOTX64.EFI on partition 1"),
        ({"EFI/debian/grubx64.efi": GOOD}, "EFI/debian/grubx64.efi on partition 1 needs an entry"),
        ({AA64: GOOD}, "no EFI/BOOT/BOOTX64.EFI"),
        ({"EFI/BOOT/BOOTX64.EFI/file": b"x"}, "no EFI/BOOT/BOOTX64.EFI"),
        ({"BOOT/BOOTX64.EFI": GOOD}, "no EFI/BOOT/BOOTX64.EFI"),
    ],
)
def test_no_fallback_loader(files: Files, reason: str) -> None:
    assert reason in reason_of(started(fat(files)))


def test_a_disk_without_fat_starts_nothing() -> None:
    assert "there is no FAT" in reason_of(started(bytes(MIB)))


@pytest.mark.parametrize(
    ("architecture", "name", "machine"),
    [
        ("aarch64", AA64, 0xAA64),
        ("riscv64", "EFI/BOOT/BOOTRISCV64.EFI", 0x5064),
        (None, X64, 0x8664),
        (None, AA64, 0xAA64),
    ],
)
def test_other_machines(architecture: str | None, name: str, machine: int) -> None:
    start = started(fat({name: changed(GOOD, machine)}), architecture=architecture)
    assert isinstance(start, Start)


def test_there_is_no_uefi_for_s390x() -> None:
    assert reason_of(started(fat({X64: GOOD}), architecture="s390x")) == "there is no UEFI for s390x"


@pytest.mark.parametrize(
    ("size", "options"),
    [(4 * MIB, ("-F", "12")), (16 * MIB, ("-F", "16")), (34 * MIB, ("-F", "32", "-s", "1"))],
)
def test_every_kind_of_fat_is_read(size: int, options: tuple[str, ...]) -> None:
    assert isinstance(started(fat({X64: GOOD}, size, *options)), Start)


FAT32 = fat({X64: GOOD}, 34 * MIB, "-F", "32", "-s", "1")


@pytest.mark.parametrize(
    ("offset", "change", "reason"),
    [
        (32, struct.pack("<I", 60_000), "fewer than the 65525"),
        (40, b"\x80\0", "no copies of one another"),
        (42, b"\x01\0", "of version"),
    ],
)
def test_fat32_with_too_few_clusters_and_others_that_uefi_does_not_read(
    offset: int, change: bytes, reason: str
) -> None:
    volume = bytearray(FAT32)
    volume[offset : offset + len(change)] = change
    assert reason in reason_of(started(bytes(volume)))


SHIM, FALLBACK = loaders.efi_shim(), loaders.efi_fallback()
SUSE_SHIM = loaders.efi_shim("grub", "MokManager", "fallback")


@pytest.mark.parametrize(
    ("files", "path"),
    [
        ({X64: SHIM, "EFI/BOOT/grubx64.efi": GOOD}, "/EFI/BOOT/grubx64.efi"),
        (
            {
                X64: SHIM,
                "EFI/BOOT/fbx64.efi": FALLBACK,
                "EFI/fedora/BOOTX64.CSV": loaders.csv("shimx64.efi", "Fedora"),
                "EFI/fedora/shimx64.efi": SHIM,
                "EFI/fedora/grubx64.efi": GOOD,
            },
            "/EFI/fedora/grubx64.efi",
        ),
        ({X64: SUSE_SHIM, "EFI/BOOT/grub.efi": GOOD}, "/EFI/BOOT/grub.efi"),
        (
            {
                X64: SUSE_SHIM,
                "EFI/BOOT/fallback.efi": FALLBACK,
                "EFI/opensuse/boot.csv": loaders.csv("shim.efi", "opensuse"),
                "EFI/opensuse/shim.efi": SUSE_SHIM,
                "EFI/opensuse/grub.efi": GOOD,
            },
            "/EFI/opensuse/grub.efi",
        ),
        (
            {
                X64: SHIM,
                "EFI/BOOT/fbx64.efi": FALLBACK,
                "EFI/vendor/boot.csv": loaders.csv("grubx64.efi", "Vendor"),
                "EFI/vendor/grubx64.efi": GOOD,
            },
            "/EFI/vendor/grubx64.efi",
        ),
    ],
)
def test_shim_is_followed(files: Files, path: str) -> None:
    start = started(fat(files))
    assert isinstance(start, Start), start
    assert (start.loader, start.path) == ("grub", path)
    assert start.place.startswith("EFI/BOOT/BOOTX64.EFI, which starts ")


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({X64: SHIM}, "EFI/BOOT/grubx64.efi, which it would start, is not there"),
        ({X64: SHIM, "EFI/BOOT/grubx64.efi": b""}, "it is empty"),
        ({X64: SHIM, "EFI/BOOT/grubx64.efi": changed(GOOD, 0xAA64)}, "it is a program for aarch64"),
        ({X64: SHIM, "EFI/BOOT/grubx64.efi": SHIM}, "one shim after the other"),
        ({X64: SHIM, "EFI/BOOT/fbx64.efi": FALLBACK}, "resets the machine again and again"),
        ({X64: SHIM, "EFI/BOOT/fbx64.efi": b"", "EFI/BOOT/grubx64.efi": GOOD}, "fbx64.efi"),
        (
            {X64: SHIM, "EFI/BOOT/fbx64.efi": FALLBACK, "EFI/a/BOOTX64.CSV": loaders.csv("gone.efi", "x")},
            "EFI/a/gone.efi, which it would start, is not there",
        ),
        (
            {X64: SHIM, "EFI/BOOT/fbx64.efi": FALLBACK, "EFI/a/BOOTX64.CSV": b"shimx64.efi,ascii,,\n"},
            "resets the machine again and again",
        ),
    ],
)
def test_shim_that_leads_nowhere(files: Files, reason: str) -> None:
    assert reason in reason_of(started(fat(files)))


@pytest.mark.parametrize(
    ("program", "loader"),
    [
        (loaders.efi_systemd_boot(), "systemd-boot"),
        (loaders.windows_boot_manager(), "windows"),
        (
            loaders.efi_application({".text": b"x" * 99, ".linux": b"k" * 99}),
            "unified-image",
        ),
        (loaders.efi_application({".text": b"x" * 99, ".data": "rEFInd".encode("utf-16-le")}), "other"),
        (loaders.efi_application({".text": b"x" * 99}), "other"),
    ],
)
def test_what_the_program_is(program: bytes, loader: str) -> None:
    start = started(fat({X64: program}))
    assert isinstance(start, Start)
    assert start.loader == loader


def test_an_mbr_that_uefi_refuses_hides_its_partitions() -> None:
    volume = fat({X64: GOOD})
    disk = mbr_disk([(0, 0xEF, 2048, volume), (0, 0x83, 12_000, bytes(MIB))])
    assert isinstance(look(*looked_at(disk)).start, Start)
    assert "beyond the end of the disk" in reason_of(look(*looked_at(disk[: 13_000 * 512])).start)
    overlapping = mbr_disk([(0, 0xEF, 2048, volume), (0, 0x83, 4000, b"x")])
    overlapping[446 + 8 : 446 + 16] = struct.pack("<II", 2048, 8192)
    assert "overlap" in reason_of(look(*looked_at(overlapping)).start)


def test_a_disk_that_is_one_fat() -> None:
    start = look(*looked_at(fat({X64: GOOD}))).start
    assert isinstance(start, Start)
    assert start.place == "EFI/BOOT/BOOTX64.EFI on disk"


def test_a_gpt_of_other_sectors_is_not_seen() -> None:
    content = bytearray(fixture_path("ext4-gpt").read_bytes())
    layout, devices = looked_at(content)
    assert isinstance(look(layout, devices).start, Start)
    content[446:512] = bytes(64) + b"\x55\xaa"
    assert "no master boot record that protects it" in reason_of(look(*looked_at(content)).start)


@pytest.mark.parametrize(
    ("program", "prefix", "script", "memdisk"),
    [
        ("x86_64-efi/monolithic/grubx64.efi", "/EFI/debian", "normal (memdisk)/grub.cfg\n", "vfat"),
        ("x86_64-efi/monolithic/gcdx64.efi", "/boot/grub", "normal (memdisk)/grub.cfg\n", "vfat"),
    ],
)
def test_debian_s_own_grub(program: str, prefix: str, script: str, memdisk: str) -> None:
    start = started(fat({X64: (GRUB / program).read_bytes()}, 8 * MIB))
    assert isinstance(start, Start)
    assert (start.loader, start.prefix, start.script) == ("grub", prefix, script)
    assert start.modules is not None
    assert {"linux", "ext2", "search_fs_uuid"} <= start.modules
    assert start.memdisk is not None
    assert start.memdisk.type == memdisk


def test_grub_mkstandalone(tmp_path: Path) -> None:
    config, program = tmp_path / "grub.cfg", tmp_path / "grub.efi"
    config.write_text("search.fs_label root root\nconfigfile ($root)/boot/grub/grub.cfg\n")
    modules = "--install-modules=search search_label configfile normal part_gpt ext2"
    command = ["grub-mkstandalone", "-O", "x86_64-efi", modules, "--locales=", "--fonts=", "--themes="]
    subprocess.run([*command, "-o", program, f"boot/grub/grub.cfg={config}"], check=True, capture_output=True)
    start = started(fat({X64: program.read_bytes()}, 16 * MIB))
    assert isinstance(start, Start)
    assert start.prefix == "(memdisk)/boot/grub"
    assert start.memdisk is not None
    node = start.memdisk.root()
    for name in ("boot", "grub", "grub.cfg"):
        found = node.child(name)
        assert found is not None
        node = found
    assert node.open().read() == config.read_bytes()


@pytest.mark.parametrize(
    ("name", "machine", "architecture", "same"),
    [
        (X64, 0x8664, "x86_64", True),
        (AA64, 0xAA64, "aarch64", True),
        (AA64, 0xAA64, "x86_64", False),
        (X64, 0x8664, "aarch64", False),
        (X64, 0x8664, "s390x", False),
        ("readme", 0x8664, "x86_64", True),
        ("readme", 0x8664, "aarch64", False),
    ],
)
def test_whether_another_machine_starts_the_same(
    name: str, machine: int, architecture: str, *, same: bool
) -> None:
    start = started(fat({name: changed(GOOD, machine)}), architecture=None)
    assert starts_on(start, architecture) is same


@pytest.mark.parametrize(
    ("files", "bios", "uefi", "problem"),
    [
        ({X64: GOOD}, False, True, ""),
        ({X64: b""}, False, False, "it is empty"),
        ({"EFI/debian/shimx64.efi": GOOD}, False, False, "needs an entry in the firmware's variables"),
        ({"readme": b"x"}, False, False, ""),
    ],
)
def test_the_fact(files: Files, problem: str, *, bios: bool, uefi: bool) -> None:
    fact = run_boot(*looked_at(mbr_disk([(0, 0xEF, 2048, fat(files))])), "x86_64").firmware
    assert isinstance(fact, Known)
    assert (fact.value.bios, fact.value.uefi) == (bios, uefi)
    assert fact.value.fallback_loader == (X64 if uefi else None)
    assert problem in fact.value.uefi_problem
    assert bool(fact.value.uefi_problem) is bool(problem)


def test_a_fat_that_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    image = tmp_path / "fat"
    image.write_bytes(fat({X64: GOOD}))
    mtools(image, "mdel", f"::{X64}")
    broken = bytearray(fat({X64: GOOD}))
    broken[512 : 512 + 6144] = b"\xf7" * 6144
    start = started(bytes(broken))
    assert isinstance(start, NoStart)
