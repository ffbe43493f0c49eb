# ruff: noqa: E501 - the rows of the table are easier to compare in one line
"""The initramfs: what is in it, and what the command line tells it. By GRUB and BIOS."""

from support.guest_cases import options, put
from support.real_guest import RealGuest

from boot_table.changes import in_menu, inside
from boot_table.model import GuestChange, Row
from imgtool.model.boot import Bus

MODULES = "usr/lib/modules/*/"
CONF = "etc/modprobe.d/x.conf"
VIRTIO = f"{MODULES}kernel/drivers/**/virtio*.ko"


def _row(name: str, change: GuestChange, end: str = "initramfs", **more: object) -> Row:
    return Row(name, "grub-bios", end, change, **more)  # type: ignore[arg-type]  # fields of Row


def _cut(guest: RealGuest) -> None:
    content = (guest.root / guest.initrd).read_bytes()
    guest.root.put(guest.initrd, content[: len(content) * 2 // 3])


def _blacklisted(guest: RealGuest) -> None:
    text = "blacklist virtio_blk\n"
    put(CONF, text)(guest)
    inside(lambda files: files.put(CONF, text))(guest)


SCSI: Bus = "virtio-scsi"
INITRAMFS = (
    _row("the initramfs ends early", _cut, cause="cannot unpack", quick=True),
    _row("an initramfs without bytes", lambda guest: guest.root.put(guest.initrd, b"")),
    _row("the entry names no initramfs", in_menu("\tinitrd", "\t# initrd")),
    _row("no virtio in the initramfs", inside(lambda files: files.remove(VIRTIO)), cause="no disk at all", quick=True),
    _row("no modules.dep.bin in the initramfs", inside(lambda files: files.remove(f"{MODULES}modules.dep.bin"))),
    _row("no udev in the initramfs", inside(lambda files: files.remove("usr/lib/systemd/systemd-udevd", "usr/bin/udevadm"))),
    _row("its init cannot be executed", inside(lambda files: files.chmod("init", 0o644))),
    _row("its init is gone", inside(lambda files: files.remove("init"))),
    _row("no C library in the initramfs", inside(lambda files: files.remove("usr/lib/x86_64-linux-gnu/libc.so.6"))),
    _row("virtio_blk is blacklisted in it", _blacklisted),
    _row("virtio_blk is blacklisted in it, on virtio-scsi", _blacklisted, "up", bus=SCSI),
    _row("virtio_blk is blacklisted by the kernel's line", options("modprobe.blacklist=virtio_blk")),
    _row("virtio_blk is blacklisted by the line, on virtio-scsi", options("modprobe.blacklist=virtio_blk"), "up", bus=SCSI),
    _row("module_blacklist=virtio_pci", options("module_blacklist=virtio_pci")),
    _row("break=mount", options("break=mount")),
)  # fmt: skip
