# ruff: noqa: E501 - the rows of the table are easier to compare in one line
"""Firmware, partition tables and EXTLINUX: what starts of a disk that was changed, and what the kernel sees of it.

Most were booted under QEMU; the rest was read from Linux's block/partitions/efi.c, GRUB's boot code, EDK II's
fallback boot and syslinux' com32/elflink/ldlinux/readconfig.c.
"""

import shutil
import struct
from collections.abc import Callable
from pathlib import Path

from support.spoilt_copies import run
from support.verdict_case import INITRAMFS, Case
from support.verdict_images import (
    CONSOLE,
    SECTOR,
    SYSLINUX_MBR,
    Disk,
    Guest,
    copy_at,
    cut_out,
    early_config,
    grub_efi,
    mounted,
    on_mbr,
    put_core,
)

FIRMWARE, LOADER, WHOLE = "boot-firmware", "boot-loader", "disk-whole"
EFI = "EFI/BOOT/BOOTX64.EFI"
GONE = "11111111-2222-3333-4444-555555555555"
ROOT_SECTOR, END_SECTOR = 67584, 3213312
"""Where the root begins, and what comes behind it."""
BACKUP_BYTES = (2 << 30) - SECTOR
Change = Callable[[Disk], object]


def _uefi(change: Change) -> Change:
    """Only UEFI starts the disk."""

    def spoil(disk: Disk) -> None:
        disk.without_bios()
        change(disk)

    return spoil


def _bios(change: Change) -> Change:
    """Only BIOS starts the disk."""

    def spoil(disk: Disk) -> None:
        disk.mtools("mdeltree", "::EFI")
        change(disk)

    return spoil


def _for_arm(disk: Disk) -> None:
    program = bytearray(disk.esp_read(EFI))
    (header,) = struct.unpack_from("<I", program, 0x3C)
    struct.pack_into("<H", program, header + 4, 0xAA64)
    disk.esp_write(EFI, bytes(program))


def _half(disk: Disk) -> None:
    program = disk.esp_read(EFI)
    disk.esp_write(EFI, program[: len(program) // 2])


def _moved(path: str) -> Change:
    def move(disk: Disk) -> None:
        program = disk.esp_read(EFI)
        disk.mtools("mdeltree", "::EFI")
        directory, _, _ = path.rpartition("/")
        disk.mtools("mmd", f"::{directory.split('/')[0]}", f"::{directory}")
        disk.esp_write(path, program)

    return move


def _stub(search: str | None) -> Change:
    """GRUB as distributions sign it: it reads grub.cfg beside it, which looks for the root."""

    def put(disk: Disk) -> None:
        disk.esp_write(EFI, grub_efi(disk.image, "", "/EFI/debian"))
        disk.mtools("mmd", "::EFI/debian")
        if search is not None:
            disk.esp_write("EFI/debian/grub.cfg", early_config(search).encode())

    return put


def _part(disk: Disk, number: int) -> Path:
    return cut_out(disk.image, number, disk.image.with_name(f"part{number}"))


def _on_mbr_with_fat(kind: str) -> Change:
    def write(disk: Disk) -> None:
        esp, root = _part(disk, 1), _part(disk, 2)
        table = f"start=2048,size=65536,type={kind}\nstart={ROOT_SECTOR},type=83"
        on_mbr(disk.image, table, {2048: esp, ROOT_SECTOR: root})

    return write


def _on_mbr_without_active(disk: Disk) -> None:
    on_mbr(disk.image, "start=2048,type=83", {2048: _part(disk, 2)})
    disk.put(0, SYSLINUX_MBR.read_bytes())


def _no_table(disk: Disk) -> None:
    _part(disk, 2).replace(disk.image)


def _without_esp(guest: Guest) -> None:
    guest.edit("etc/fstab", "LABEL=ESP /boot/efi vfat umask=0077 0 0\n", "")


def _second_system(label: str) -> Change:
    """Behind the root another partition with what looks like a system."""

    def add(disk: Disk) -> None:
        run("sgdisk", f"--new=3:{END_SECTOR}:+64M", disk.image)
        tree, content = disk.image.with_name("second"), disk.image.with_name("second.img")
        for directory in ("etc", "usr/lib", "usr/sbin", "bin"):
            (tree / directory).mkdir(parents=True)
        with mounted(disk.image, ROOT_SECTOR * SECTOR) as root:
            shutil.copy(root / "usr/lib/os-release", tree / "usr/lib/os-release")
            shutil.copy(root / "usr/lib/os-release", tree / "etc/os-release")
            shutil.copy(root / "usr/lib/systemd/systemd", tree / "usr/sbin/init")
        run("mkfs.ext4", "-q", "-F", "-L", label, "-d", tree, content, "64M")
        copy_at(content, disk.image, END_SECTOR)

    return add


def _mounted_on_srv(guest: Guest) -> None:
    guest.append("etc/fstab", "LABEL=srv /srv ext4 defaults 0 2\n")


def _looks_for(search: str) -> Change:
    return lambda disk: put_core(disk.image, early_config(search))


def _table(*options: str) -> Change:
    return lambda disk: run("sgdisk", *options, disk.image)


HYBRID = bytes.fromhex("00000200 83ffffff 00180200 00003000")
APPEND = f" APPEND root=LABEL=root ro {CONSOLE}\n"
L0 = f"LABEL l0\n LINUX /boot/vmlinuz-$V\n INITRD /boot/initrd.img-$V\n{APPEND}"
L1 = f"LABEL l1\n LINUX /boot/vmlinuz-$B\n INITRD /boot/initrd.img-$B\n{APPEND}"


def _extlinux(name: str, text: str, fails: str | None = None, **files: str) -> Case:
    """`files` by their names in /boot/extlinux, a dot written as `_`."""

    def change(guest: Guest) -> None:
        guest.write("boot/extlinux/extlinux.conf", text)
        for file, content in files.items():
            guest.write(f"boot/extlinux/{file.replace('_', '.')}", content)

    return Case(f"extlinux: {name}", fails, change, extlinux=True)


def _relative(guest: Guest) -> None:
    folder = guest.root / "boot/extlinux"
    shutil.copy(folder.parent / f"vmlinuz-{guest.base.good}", folder / "vmlinuz")
    shutil.copy(folder.parent / f"initrd.img-{guest.base.good}", folder / "initrd.img")
    guest.write(
        "boot/extlinux/extlinux.conf", f"DEFAULT l0\nLABEL l0\n KERNEL vmlinuz\n INITRD initrd.img\n{APPEND}"
    )


FIRMWARE_CASES = (
    Case("efi-zero", FIRMWARE, disk=_uefi(lambda disk: disk.esp_write(EFI, b""))),
    Case("efi-arm", FIRMWARE, disk=_uefi(_for_arm)),
    Case("stub-uuid-stale", LOADER, disk=_uefi(_stub(f"search.fs_uuid {GONE} root")), says="by UEFI"),
    Case("bios-label-stale", LOADER, disk=_bios(_looks_for("search.fs_label oldroot root")), says="by BIOS"),
    Case("truncated", WHOLE, disk=lambda disk: disk.cut(780), says="ext4"),
    Case("truncated-small", WHOLE, disk=lambda disk: disk.cut(500), says="ext4"),
    Case("esp-lower", None, disk=_uefi(_moved("efi/boot/bootx64.efi"))),
    Case("mbr-fat0c", None, disk=_on_mbr_with_fat("c")),
    Case("hybrid-mbr", None, disk=lambda disk: disk.put(462, HYBRID)),
    Case("disk-ext4", FIRMWARE, _without_esp, _no_table),
    Case("root-two-copies", None, disk=_second_system("root4")),
    Case("chroot-partition", None, _mounted_on_srv, _second_system("srv")),
    Case("mbr-active-none", FIRMWARE, _without_esp, _on_mbr_without_active),
    _extlinux("tabs", L0.replace(" ", "\t", 1).replace("LINUX ", "LINUX\t").replace("APPEND ", "append\t") + "default\tl0\n"),
    Case("extlinux: relative", None, _relative, extlinux=True),
    _extlinux("dotdot", "DEFAULT l0\n" + L0.replace("/boot/", "../")),
    _extlinux("include", "DEFAULT l0\nTIMEOUT 1\nINCLUDE linux.cfg\n", linux_cfg=L0),
    _extlinux("direct", "DEFAULT /boot/vmlinuz-$V initrd=/boot/initrd.img-$V root=LABEL=root ro console=ttyS0\nPROMPT 0\n"),
    # ------------------------------------------------------------ of the same kinds
    Case("half a loader", FIRMWARE, disk=_uefi(_half)),
    Case("a loader of 32 bits", FIRMWARE, disk=_uefi(_moved("EFI/BOOT/BOOTIA32.EFI"))),
    Case("the ESP as a Linux partition", None, disk=_uefi(_table("--typecode=1:8300"))),
    Case("a stub that finds its root", None, disk=_uefi(_stub("search.fs_label root root"))),
    Case("neither", FIRMWARE, disk=_bios(lambda disk: disk.without_bios())),
    Case("GRUB's core is gone", FIRMWARE, disk=_bios(lambda disk: disk.put(34 * SECTOR, bytes(200 * SECTOR)))),
    Case("a core that looks for another UUID", LOADER, disk=_bios(_looks_for(f"search.fs_uuid {GONE} root"))),
    Case("cut behind the last partition", WHOLE, disk=lambda disk: disk.cut(100), says="can be used"),
    Case("a partition made smaller", WHOLE, disk=_table("--delete=2", f"--new=2:{ROOT_SECTOR}:+1400M"), says="ext4"),
    Case("the GPT's checksum", WHOLE, disk=lambda disk: disk.put(SECTOR + 16, b"\x12\x34\x56\x78")),
    Case("the GPT's backup is gone", None, disk=lambda disk: disk.put(BACKUP_BYTES, bytes(SECTOR))),
    Case("the protecting MBR is gone", WHOLE, disk=lambda disk: disk.put(446, bytes(64))),
    Case("two file systems called root", LOADER, disk=_second_system("root"), says="gpt3"),
    _extlinux("a prompt", "DEFAULT l0\nPROMPT 1\n" + L0, LOADER),
    _extlinux("a menu", "UI menu.c32\nDEFAULT l0\n" + L0, LOADER),
    _extlinux("a menu's own default", f"UI menu.c32\nTIMEOUT 30\n{L0}{L1} MENU DEFAULT\n", INITRAMFS),
    _extlinux("ontimeout", f"DEFAULT l0\nPROMPT 1\nTIMEOUT 30\nONTIMEOUT l1\n{L0}{L1}", INITRAMFS),
    _extlinux("no such default", "DEFAULT nosuch\n" + L0, LOADER),
    _extlinux("no such initrd", "DEFAULT l0\n" + L0.replace("initrd.img-$V", "initrd.img-5.10"), LOADER),
    _extlinux("append none", f"{APPEND}DEFAULT l0\n{L0.replace(APPEND, ' APPEND -')}\n", "root-resolves"),
)  # fmt: skip
