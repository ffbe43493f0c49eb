"""What a BIOS starts: GRUB by its own tools, SYSLINUX's and others' boot code, and all that leads nowhere."""

import struct
import subprocess
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from support.firmware_disks import GRUB, MIB, SECTOR, Disk, fat, loaders, looked_at, mbr_disk
from support.fixtures import fixture_path

from imgtool.guest.bootloader.start import NoStart, Start
from imgtool.guest.firmware import start_by_bios

SCRIPT = "search.fs_label oldroot root\nset prefix=($root)/boot/grub\n"


@cache
def core_image(prefix: str, script: str) -> bytes:
    """core.img, as grub-mkimage makes it."""
    work = Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    (work / "early.cfg").write_text(script)
    config = ["-c", work / "early.cfg"] if script else []
    modules = ("biosdisk", "part_msdos", "part_gpt", "ext2", "search_label", "normal")
    command = ["grub-mkimage", "-O", "i386-pc", "-p", prefix, *config, "-o", work / "core.img", *modules]
    subprocess.run(command, check=True)
    return (work / "core.img").read_bytes()


def with_grub(prefix: str = "(,msdos1)/boot/grub", script: str = "", first: int = 1) -> Disk:
    """GRUB as grub-install puts it before the first partition, or where `first` says."""
    core = bytearray(core_image(prefix, script))
    struct.pack_into("<Q", core, 0x1F4, first + 1)
    boot = bytearray((GRUB / "i386-pc/boot.img").read_bytes()[:440])
    struct.pack_into("<Q", boot, 0x5C, first)
    disk = mbr_disk([(0x80, 0x83, 2048, bytes(MIB)), (0, 0x83, 8192, b"x")], code=bytes(boot))
    disk[first * SECTOR : first * SECTOR + len(core)] = core
    return disk


def bios(disk: Disk | bytes, architecture: str | None = "x86_64") -> Start | NoStart:
    return start_by_bios(*looked_at(disk), architecture)


def reason_of(start: Start | NoStart) -> str:
    assert isinstance(start, NoStart), start
    return start.reason


@pytest.mark.parametrize(
    ("prefix", "script"),
    [
        ("(,msdos1)/boot/grub", ""),
        ("(,gpt3)/boot/grub2", ""),
        ("(lvm/vg--sys-root)/boot/grub", ""),
        ("(mduuid/0123456789abcdef)/grub", ""),
        ("/boot/grub", SCRIPT),
    ],
)
@pytest.mark.parametrize("first", [1, 34, 3000])
def test_bios_label_stale_and_all_that_core_img_says(prefix: str, script: str, first: int) -> None:
    start = bios(with_grub(prefix, script, first))
    assert isinstance(start, Start), start
    assert (start.loader, start.prefix, start.script) == ("grub", prefix, script)
    assert start.modules is not None
    assert {"biosdisk", "part_gpt", "ext2"} <= start.modules
    assert "partition 1" in start.place if first == 3000 else "before the first partition" in start.place


@pytest.mark.parametrize(("prefix", "name"), [("(,gpt1)/boot/grub", "partition 1"), ("(,gpt9)/x", None)])
def test_the_file_system_of_the_prefix(prefix: str, name: str | None, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(fixture_path("ext4-gpt").read_bytes())
    loaders.write_grub(disk, MIB, prefix)
    start = bios(disk.read_bytes())
    assert isinstance(start, Start)
    assert (start.device.volume.name if start.device else None) == name


@pytest.mark.parametrize("fixture", ["ext4-gpt", "mbr-logical"])
def test_fixtures_start(fixture: str) -> None:
    assert isinstance(bios(fixture_path(fixture).read_bytes()), Start)


def put(offset: int, content: bytes) -> Callable[[Disk], None]:
    def change(disk: Disk) -> None:
        disk[offset : offset + len(content)] = content

    return change


def cut(size: int) -> Callable[[Disk], None]:
    def change(disk: Disk) -> None:
        del disk[size:]

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (put(510, bytes(2)), "not marked as a boot sector"),
        (put(0, bytes(440)), "no boot code in the master boot record"),
        (put(512, bytes(512)), "sector 1, where its core starts, is empty"),
        (put(512, b"x" * 512), "sector 1 is not the start of a core"),
        (put(1024, bytes(200_000)), "the sectors of its core are empty"),
        (put(40_000, bytes(60_000)), "it cannot be unpacked"),
        (put(0x5C, (1 << 40).to_bytes(8, "little")), "beyond the end of the disk"),
        (put(0x5C, (9000).to_bytes(8, "little")), "sector 9000"),
        (cut(60_000), "goes on to sector"),
        (put(0x64, b"\x81"), "from another disk (drive 0x81)"),
        (put(512 + 0x1F4 + 8, b"\xff\xff"), "more than 960 sectors"),
    ],
)
def test_grub_that_leads_nowhere(change: Callable[[Disk], None], reason: str) -> None:
    disk = with_grub()
    change(disk)
    start = bios(disk)
    assert reason in reason_of(start)
    assert isinstance(start, NoStart)
    assert start.known


def test_a_damaged_core_with_redundancy_may_be_mended() -> None:
    disk = with_grub()
    disk[1024 + 16 : 1024 + 20] = (4096).to_bytes(4, "little")
    disk[40_000:40_100] = bytes(100)
    start = bios(disk)
    assert isinstance(start, NoStart)
    assert not start.known


@pytest.mark.parametrize("padding", [0, 512, 5120])
def test_a_core_with_redundancy_is_unpacked(padding: int) -> None:
    """grub-bios-setup fills the area behind the core, up to twice its size."""
    disk = with_grub()
    (sectors,) = struct.unpack_from("<H", disk, 512 + 0x1F4 + 8)
    size = len(core_image("(,msdos1)/boot/grub", "")) - SECTOR
    nsec = -(-(size + padding) // SECTOR)
    struct.pack_into("<H", disk, 512 + 0x1F4 + 8, max(sectors, nsec))
    struct.pack_into("<I", disk, 1024 + 16, max(sectors, nsec) * SECTOR - size)
    assert isinstance(bios(disk), Start)


SYSLINUX_MBR = (
    b"\x33\xc0Missing operating system.\r\nMultiple active partitions.\r\nOperating system load error.\r\n"
)
GPTMBR = b"\x33\xc0Missing OS\r\nMultiple active partitions\r\n!GPTDisk error\r\n"
WINDOWS_MBR = b"\x33\xc0Invalid partition table\0Error loading operating system\0Missing operating system"
PARTED_MBR = bytes.fromhex("fab800108ed0bc00b0b800008ed88ec0fbbe007cbf0006b90002f3a4ea21060000")
UNKNOWN_MBR = b"\xea\x05\0\xc0\x07some code"


def boot_sector(mark: bytes) -> bytes:
    return (b"\xeb\x58\x90".ljust(11, b"\0") + bytes(79) + mark).ljust(510, b"\0") + b"\x55\xaa"


def ext4_like() -> bytes:
    return bytes(4 * SECTOR)


SYSLINUX_SECTOR = boot_sector(b"\x66\xb8\x02\0\0\0\x66\xba\0\0\0\0 EXTLINUX")


def ldlinux(directory: bytes) -> bytes:
    """The first sectors of ldlinux.sys with its patch areas."""
    program = bytearray(4096)
    program[:10] = b"\r\nSYSLINUX"
    struct.pack_into("<IIHHIIHH", program, 24, 0x3EB202FE, 0x5E740F71, 8, 2, 1024, 0, 0x7F, 256)
    struct.pack_into("<HHH", program, 256, 0, 1024, len(directory) + 1)
    program[1024 : 1024 + len(directory)] = directory
    return bytes(program)


def extlinux(directory: bytes = b"/boot/extlinux") -> bytes:
    return SYSLINUX_SECTOR + bytes(SECTOR) + ldlinux(directory)


@pytest.mark.parametrize("code", [SYSLINUX_MBR, WINDOWS_MBR, PARTED_MBR, UNKNOWN_MBR])
@pytest.mark.parametrize(
    ("active", "reason"),
    [((0x80, 0), ""), ((0, 0x80), ""), ((0, 0), "none is marked"), ((0x80, 0x80), "several")],
)
def test_mbr_active_none_and_its_neighbours(code: bytes, active: tuple[int, int], reason: str) -> None:
    disk = mbr_disk([(active[0], 0x83, 2048, extlinux()), (active[1], 0x83, 8192, extlinux())], code=code)
    start = bios(disk)
    if not reason or (reason == "several" and code in {PARTED_MBR, UNKNOWN_MBR}):
        assert isinstance(start, Start), start
        assert (start.loader, start.prefix) == ("syslinux", "/boot/extlinux")
        assert start.place.endswith(f"partition {active.index(0x80) + 1}")
    else:
        assert reason in reason_of(start)
        assert isinstance(start, NoStart)
        assert start.known is (code is not UNKNOWN_MBR)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (ext4_like(), "there is no boot code in its first sector"),
        (fat({}), "only prints that it does not boot"),
        (boot_sector(b"x")[:510] + b"\0\0", "not marked as a boot sector"),
        (boot_sector(b"NTLDR is missing"), "cannot be read"),
        (SYSLINUX_SECTOR + bytes(4096), "ldlinux.sys is not in the sector"),
        (boot_sector(b"SYSLINUX"), "no ldlinux.sys was found"),
        (boot_sector(b"code of nobody known"), "is not known"),
    ],
)
def test_an_active_partition_that_starts_nothing(content: bytes, reason: str) -> None:
    assert reason in reason_of(bios(mbr_disk([(0x80, 0x83, 2048, content)], code=SYSLINUX_MBR)))


def test_altmbr_starts_the_partition_with_its_number() -> None:
    code = SYSLINUX_MBR.replace(b"Multiple active partitions.\r\n", b"").ljust(439, b"\0")
    partitions = [(0, 0x83, 2048, bytes(4096)), (0, 0x83, 8192, extlinux())]
    start = bios(mbr_disk(partitions, code=code + b"\x02"))
    assert isinstance(start, Start)
    assert start.place.endswith("partition 2")
    assert "there is none" in reason_of(bios(mbr_disk(partitions, code=code + b"\x03")))


@pytest.mark.parametrize("marked", [(), (1,), (1, 15)])
def test_gptmbr_asks_for_the_attribute(marked: tuple[int, ...]) -> None:
    content = bytearray(fixture_path("ext4-gpt").read_bytes())
    content[:440] = GPTMBR.ljust(440, b"\0")
    content[6 * MIB : 6 * MIB + 512] = SYSLINUX_SECTOR
    content[6 * MIB + 1024 : 6 * MIB + 1024 + 4096] = ldlinux(b"/syslinux")
    layout, devices = looked_at(content)
    partitions = tuple(replace(one, bootable=one.number in marked) for one in layout.partitions)
    start = start_by_bios(replace(layout, partitions=partitions), devices)
    if len(marked) == 1:
        assert isinstance(start, Start), start
        assert start.prefix == "/syslinux"
    else:
        assert ("several have it" if marked else "none has it") in reason_of(start)


@pytest.mark.parametrize("directory", [b"/boot/extlinux", b"/extlinux", b"/"])
def test_a_whole_disk_with_extlinux(directory: bytes) -> None:
    disk = extlinux(directory) + bytes(MIB)
    start = bios(disk)
    assert isinstance(start, Start)
    assert (start.loader, start.prefix) == ("syslinux", directory.decode())


def test_disk_ext4() -> None:
    assert "not marked as a boot sector" in reason_of(bios(fixture_path("bare-ext4").read_bytes()))


def test_hybrid_mbr() -> None:
    disk = bytearray(fixture_path("ext4-gpt").read_bytes())
    struct.pack_into("<B3xB3xII", disk, 462, 0, 0x83, 12288, 81920)
    layout, devices = looked_at(disk)
    assert layout.scheme == "gpt"
    assert layout.faults.kernel is None
    assert isinstance(start_by_bios(layout, devices), Start)


def legacy(sector: int) -> bytes:
    stage1 = bytearray(440)
    stage1[:3] = b"\xeb\x48\x90"
    stage1[0x3E:0x40] = b"\x03\x02"
    struct.pack_into("<HI", stage1, 0x42, 0x2000, sector)
    stage1[0x180:0x186] = b"GRUB \0"
    return bytes(stage1)


def test_grub_legacy_is_named() -> None:
    disk = mbr_disk([(0, 0x83, 2048, b"x")], code=legacy(1))
    assert "where it goes on, is empty" in reason_of(bios(disk))
    disk[512:1024] = b"\x70" * 512
    start = bios(disk)
    assert isinstance(start, Start)
    assert start.loader == "grub-legacy"


def test_windows_by_its_boot_sector() -> None:
    start = bios(fixture_path("windows-2019").read_bytes())
    assert isinstance(start, Start)
    assert (start.loader, start.path) == ("windows", "/bootmgr")
    assert start.device is not None
    volume = bytearray(fat({"other": b"x"}))
    volume[90:110] = b"BOOTMGR is missing".ljust(20, b"\0")
    volume[110:510] = bytes(400)
    gone = bios(mbr_disk([(0x80, 7, 2048, bytes(volume))], code=WINDOWS_MBR))
    assert "there is none on partition 1" in reason_of(gone)


@pytest.mark.parametrize(
    ("code", "loader"),
    [
        (b"\x33\xed isolinux.bin missing or corrupt.", "syslinux"),
        (b"\xfa\xeb\x21\x01\xb4\x01LILO\x16", "other"),
    ],
)
def test_others_are_named(code: bytes, loader: str) -> None:
    start = bios(mbr_disk([(0, 0x83, 2048, b"x")], code=code))
    assert isinstance(start, Start)
    assert start.loader == loader


def test_there_is_no_bios_on_aarch64() -> None:
    assert reason_of(bios(with_grub(), "aarch64")) == "there is no BIOS on aarch64"


@pytest.mark.parametrize("size", [0, 1, 511, 512, 1024])
def test_tiny_disks(size: int) -> None:
    assert isinstance(bios(bytes(size)), NoStart)
