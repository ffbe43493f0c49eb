# ruff: noqa: E501 - the rows of the table are easier to compare in one line
"""GRUB and EXTLINUX by BIOS."""

from pathlib import Path

from support.real_guest import RealGuest
from support.spoilt_copies import run
from support.verdict_images import SECTOR, early_config, put_core

from boot_table.changes import CONSOLE, EXTLINUX_CONF, GONE, WAITS_SECONDS, in_menu, no_kernel, root_is
from boot_table.model import DiskChange, GuestChange, Row

BOOT_CODE_BYTES = 440


def _zeros(offset: int, size: int) -> DiskChange:
    def write(image: Path) -> None:
        with image.open("r+b") as disk:
            disk.seek(offset)
            disk.write(bytes(size))

    return write


def _no_efi(guest: RealGuest) -> None:
    guest.esp.remove("EFI")


def _looks_for(search: str) -> DiskChange:
    return lambda image: put_core(image, early_config(search))


LABEL = f"""LABEL good
 LINUX /boot/vmlinuz-$V
 INITRD /boot/initrd.img-$V
 APPEND root=LABEL=root ro {CONSOLE}
"""
CONF = f"SERIAL 0 115200\nDEFAULT good\n{LABEL}"


def _conf(text: str = CONF) -> GuestChange:
    return lambda guest: guest.root.put(EXTLINUX_CONF, text.replace("$V", guest.kernel))


def _extlinux(name: str, end: str, text: str = CONF, **more: object) -> Row:
    return Row(f"{name}", "extlinux", end, _conf(text), **more)  # type: ignore[arg-type]  # fields of Row


def _no_module(guest: RealGuest) -> None:
    _conf()(guest)
    guest.root.remove("boot/extlinux/ldlinux.c32")


BIOS = (
    Row("as it is built", "grub-bios"),
    Row("as it is built, on virtio-scsi", "grub-bios", bus="virtio-scsi", quick=True),
    Row("no boot code, UEFI starts it", "grub-bios", disk=_zeros(0, BOOT_CODE_BYTES), firmware="uefi"),
    Row("neither boot code nor loader", "grub-bios", "firmware", _no_efi, _zeros(0, BOOT_CODE_BYTES), patience_seconds=60),
    Row("no boot code", "extlinux", "firmware", _conf(), _zeros(0, BOOT_CODE_BYTES), patience_seconds=60),
    Row("GRUB's core is gone", "grub-bios", "firmware", _no_efi, _zeros(34 * SECTOR, 200 * SECTOR), patience_seconds=60),
    Row("GRUB looks for a label that is gone", "grub-bios", "loader", _no_efi, _looks_for("search.fs_label oldroot root")),
    Row("GRUB waits for a key", "grub-bios", "entry", in_menu("set timeout=1", "set timeout=-1"), patience_seconds=WAITS_SECONDS),
    Row("no kernel", "grub-bios", "kernel", no_kernel, cause="finds no kernel"),
    Row("another root", "grub-bios", "root", root_is(f"UUID={GONE}"), cause="is not on it"),
    # ------------------------------------------------------------ EXTLINUX
    _extlinux("as it should be", "up"),
    _extlinux("as it should be, on virtio-scsi", "up", bus="virtio-scsi"),
    _extlinux("a prompt that waits", "loader", f"PROMPT 1\n{CONF}", patience_seconds=WAITS_SECONDS),
    _extlinux("no such default", "kernel", CONF.replace("DEFAULT good", "DEFAULT nosuch"), patience_seconds=WAITS_SECONDS),
    _extlinux("no such kernel", "kernel", CONF.replace("vmlinuz-$V", "vmlinuz-5.10"), patience_seconds=WAITS_SECONDS),
    _extlinux("no such initramfs", "kernel", CONF.replace("initrd.img-$V", "initrd.img-5.10"), patience_seconds=WAITS_SECONDS),
    _extlinux("no root=", "root", CONF.replace("root=LABEL=root ", "")),
    _extlinux("another root", "root", CONF.replace("LABEL=root", "LABEL=oldroot")),
    Row("its module is gone", "extlinux", "loader", _no_module, patience_seconds=WAITS_SECONDS),
    Row("no configuration", "extlinux", "loader", patience_seconds=WAITS_SECONDS),
    Row(
        "no partition is active", "extlinux", "firmware", _conf(),
        lambda image: run("sfdisk", "-q", "--activate", image, "-"), patience_seconds=60,
    ),
)  # fmt: skip
