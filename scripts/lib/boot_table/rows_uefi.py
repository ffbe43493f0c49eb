# ruff: noqa: E501 - the rows of the table are easier to compare in one line
"""GRUB by UEFI: its loader, its menu, the kernel, the root."""

from support.guest_cases import both, options
from support.real_guest import RealGuest
from support.spoilt_copies import run
from support.systemd_boot_disk import FALLBACK

from boot_table.changes import (
    GONE,
    WAITS_SECONDS,
    for_arm,
    in_menu,
    loader,
    no_initrd,
    no_kernel,
    of_kernel,
    root_is,
    root_uuid,
    signed_grub,
)
from boot_table.model import GuestChange, Row


def _row(name: str, end: str, change: GuestChange | None = None, **more: object) -> Row:
    return Row(name, "grub-uefi", end, change, **more)  # type: ignore[arg-type]  # fields of Row


def _partition_uuid(guest: RealGuest) -> str:
    return f"PARTUUID={run('partx', '-rgo', 'UUID', '--nr', '2', guest.image).strip()}"


def _stub(uuid: str) -> str:
    return f"search.fs_uuid {uuid} root\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n"


def _recordfail(guest: RealGuest) -> None:
    """As Ubuntu's grub.cfg begins: a boot that was recorded as failed waits for a key."""
    guest.root.put("boot/grub/grubenv", "# GRUB Environment Block\nrecordfail=1\n".ljust(1024, "#"))
    head = 'insmod loadenv\nload_env\nif [ "${recordfail}" = 1 ]; then set timeout=-1; else set timeout=1; fi'
    guest.root.change("boot/grub/grub.cfg", "set timeout=1", head)


UEFI = (
    _row("as it is built", "up", quick=True),
    _row("as it is built, on virtio-scsi", "up", bus="virtio-scsi"),
    # ------------------------------------------------------------ firmware
    _row(
        "the vendor's loader only", "firmware", lambda guest: guest.esp.move(FALLBACK, "EFI/debian/grubx64.efi"),
        cause="no loader", quick=True,
    ),
    _row("a loader without bytes", "firmware", loader(lambda _: b"")),
    _row("half a loader", "firmware", loader(lambda program: program[: len(program) // 2])),
    _row("a loader for arm64", "firmware", loader(for_arm)),
    # ------------------------------------------------------------ loader and entry
    _row("GRUB finds its root by a stub", "up", both(signed_grub(""), lambda guest: guest.esp.put("EFI/debian/grub.cfg", _stub(root_uuid(guest))))),
    _row("the stub looks for a file system that is gone", "loader", signed_grub(_stub(GONE)), patience_seconds=WAITS_SECONDS),
    _row("GRUB has another prefix", "loader", signed_grub(None), cause="prompt"),
    _row("no grub.cfg", "loader", lambda guest: guest.root.remove("boot/grub/grub.cfg")),
    _row("GRUB waits for a key", "entry", in_menu("set timeout=1", "set timeout=-1"), cause="waits at its menu", patience_seconds=WAITS_SECONDS),
    _row("no timeout", "entry", in_menu("set timeout=1\n", ""), patience_seconds=WAITS_SECONDS),
    _row("GRUB waits after a failed boot", "entry", both(signed_grub(""), lambda guest: guest.esp.put("EFI/debian/grub.cfg", _stub(root_uuid(guest))), _recordfail), patience_seconds=WAITS_SECONDS),
    # ------------------------------------------------------------ kernel
    _row("no kernel", "kernel", no_kernel, cause="finds no kernel", quick=True),
    _row("a kernel without bytes", "kernel", of_kernel(lambda _: 0)),
    _row("half a kernel", "kernel", of_kernel(lambda size: size // 2)),
    _row("the kernel's last MiB is missing", "kernel", of_kernel(lambda size: size - (1 << 20))),
    _row("the initramfs is gone", "initramfs", no_initrd),
    # ------------------------------------------------------------ root
    _row("another root", "root", root_is(f"UUID={GONE}"), cause="is not on it", quick=True),
    _row("a root in capitals", "root", root_is(lambda guest: f"UUID={root_uuid(guest).upper()}")),
    _row("root by PARTUUID", "up", root_is(_partition_uuid)),
    _row("root by another PARTUUID", "root", root_is(f"PARTUUID={GONE}")),
    _row("root by PARTLABEL", "up", root_is("PARTLABEL=root")),
    _row("root by another PARTLABEL", "root", root_is("PARTLABEL=rootfs")),
    _row("root by its device, on virtio-blk", "up", root_is("/dev/vda2")),
    _row("no root=", "root", root_is("")),
    _row("the ESP as root", "root", root_is("PARTLABEL=esp")),
    _row("rootfstype=xfs", "root", options("rootfstype=xfs")),
    _row("a bad option for the root", "root", options("rootflags=nosuch")),
)  # fmt: skip
