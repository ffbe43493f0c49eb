# ruff: noqa: E501 - the rows of the table are easier to compare in one line
"""systemd-boot and unified kernel images, by UEFI; GRUB with other roots."""

from collections.abc import Callable

from support.real_guest import RealGuest, filtered
from support.systemd_boot_disk import FALLBACK, Esp, line_of

from boot_table.changes import GONE, WAITS_SECONDS, root_is
from boot_table.model import GuestChange, Row

Put = Callable[[Esp], object]
ROOT_GONE = f"root=UUID={GONE} ro console=tty0 console=ttyS0,115200"


def _esp(*puts: Put) -> GuestChange:
    """These files beside the loader; the kernel in /boot is not needed then."""

    def recipe(guest: RealGuest) -> None:
        esp = Esp(guest, b"", line_of(guest))
        for put in puts:
            put(esp)
        guest.root.remove("boot/grub", "boot/vmlinuz*", "boot/initrd*")

    return recipe


def _without_virtio(guest: RealGuest) -> None:
    """A unified image whose initramfs has no driver for a virtio disk."""
    line = line_of(guest)
    guest.initramfs.remove("usr/lib/modules/*/kernel/drivers/**/virtio*.ko")
    archive = filtered(guest.archive(), "zstd", "-1", "-c")
    guest.root.put(guest.initrd, archive)
    Esp(guest, b"", line).unified("good")
    guest.root.remove("boot/grub", "boot/vmlinuz*", "boot/initrd*")


def _conf(text: str) -> Put:
    return lambda esp: esp.guest.esp.put("loader/loader.conf", f"{text}\n")


def _type1(more: str = "", linux: str = "") -> Put:
    return lambda esp: esp.type1("good", more, linux=linux)


def _unified(path: str = "", line: str | None = None) -> Put:
    return lambda esp: esp.unified("good", path, line)


def _half(esp: Esp) -> None:
    program = (esp.guest.esp / FALLBACK).read_bytes()
    esp.guest.esp.put(FALLBACK, program[: len(program) // 2])


def _moved(esp: Esp) -> None:
    esp.guest.esp.move(FALLBACK, "EFI/systemd/systemd-bootx64.efi")


def _row(name: str, end: str, *puts: Put, **more: object) -> Row:
    return Row(name, "systemd-boot", end, _esp(*puts), **more)  # type: ignore[arg-type]  # fields of Row


LOADER = (
    _row("an entry", "up", _type1()),
    _row("an entry, on virtio-scsi", "up", _type1(), bus="virtio-scsi"),
    _row("a unified image", "up", _unified()),
    _row("a unified image is the loader", "up", _unified(FALLBACK), quick=True),
    _row("a unified image is the loader, on virtio-scsi", "up", _unified(FALLBACK), bus="virtio-scsi"),
    _row("the vendor's path only", "firmware", _type1(), _moved),
    _row("half a unified image is the loader", "firmware", _unified(FALLBACK), _half),
    _row("no entries", "loader", _conf("timeout 5"), patience_seconds=WAITS_SECONDS),
    _row("the menu waits", "entry", _type1(), _conf("timeout menu-force"), patience_seconds=WAITS_SECONDS),
    _row("the entry's kernel is gone", "loader", _type1(linux="linux /deb/none/linux\n"), patience_seconds=WAITS_SECONDS),
    _row("the entry's second initramfs is gone", "kernel", _type1("initrd /deb/none/initrd"), patience_seconds=WAITS_SECONDS),
    _row("a unified image with another root", "root", _unified(line=ROOT_GONE)),
    _row("a unified image without root=", "root", _unified(line="ro console=tty0 console=ttyS0,115200")),
    Row("a unified image without virtio", "systemd-boot", "initramfs", _without_virtio, cause="no disk at all"),
    # ------------------------------------------------------------ other roots, by GRUB
    Row("as it is built, on virtio-scsi", "dracut", bus="virtio-scsi", quick=True),
    Row("another root", "dracut", "root", root_is(f"UUID={GONE}"), cause="is not on it"),
    Row("as it is built", "btrfs", bus="virtio-scsi", quick=True),
    Row("as it is built", "lvm", quick=True),
)  # fmt: skip
