"""GRUB for BIOS: its boot sector, and its core in a BIOS boot partition before the first MiB ends.

As grub-bios-setup does it, without a device: grub-core/boot/i386/pc/boot.S and diskboot.S have the places of
the two sector numbers, include/grub/i386/pc/boot.h their offsets.
"""

from pathlib import Path

from debian_image.commands import run
from debian_image.grub import GRUB_MODULES, early_config
from debian_image.layout import FIRST_MIB, MIB, Layout

GRUB_PC = Path("/usr/lib/grub/i386-pc")
PARTITION = 14
"""As in Debian's own cloud images: it stands before partition 1, whose number and place stay."""
SECTOR = 512
FIRST_SECTOR = 34
"""Behind the GPT."""
BOOT_CODE_BYTES = 440
"""Of the master boot record; the table of partitions follows."""
KERNEL_SECTOR_OFFSET = 0x5C
"""GRUB_BOOT_MACHINE_KERNEL_SECTOR: where the boot sector finds the core."""
BLOCK_LIST_OFFSET = SECTOR - 12
"""Where the core's first sector finds the rest of it."""


def add_bios(disk: Path, layout: Layout) -> None:
    """Makes the raw disk start by BIOS as well. Leaves its other files beside the disk."""
    last_sector = FIRST_MIB * MIB // SECTOR - 1
    place = f"--new={PARTITION}:{FIRST_SECTOR}:{last_sector}"
    run("sgdisk", "--set-alignment=1", place, f"--typecode={PARTITION}:ef02", disk)
    core = bytearray(_core(layout, disk.parent).read_bytes())
    room_bytes = (last_sector - FIRST_SECTOR + 1) * SECTOR
    if len(core) > room_bytes:
        raise ValueError(f"GRUB's core takes {len(core)} bytes, and has {room_bytes}")
    _put(core, BLOCK_LIST_OFFSET, FIRST_SECTOR + 1)
    boot = bytearray((GRUB_PC / "boot.img").read_bytes())
    _put(boot, KERNEL_SECTOR_OFFSET, FIRST_SECTOR)
    with disk.open("r+b") as target:
        target.write(boot[:BOOT_CODE_BYTES])
        target.seek(FIRST_SECTOR * SECTOR)
        target.write(core)


def _core(layout: Layout, work: Path) -> Path:
    """GRUB with all the modules that it needs to come to its configuration."""
    early, core = work / "early-pc.cfg", work / "core.img"
    early.write_text(early_config(layout), encoding="utf-8")
    options = ("-O", "i386-pc", "-p", f"{layout.boot_prefix}/grub", "-c", early, "-o", core)
    run("grub-mkimage", *options, "biosdisk", *GRUB_MODULES.split())
    return core


def _put(block: bytearray, offset: int, sector: int) -> None:
    block[offset : offset + 8] = sector.to_bytes(8, "little")
