"""Changes that rows of several kinds make, beside those of tests/support/guest_cases.py."""

import shutil
import struct
from collections.abc import Callable

from support.guest_cases import change
from support.real_guest import EditedTree, RealGuest, filtered
from support.systemd_boot_disk import FALLBACK
from support.verdict_images import grub_efi

from boot_table.model import GuestChange

GRUB_CFG = "boot/grub/grub.cfg"
EXTLINUX_CONF = "boot/extlinux/extlinux.conf"
GONE = "11111111-2222-4333-8444-555555555555"
CONSOLE = "console=tty0 console=ttyS0,115200"
WAITS_SECONDS = 120
"""For what waits for ever: twice what a busy machine takes to come there."""


def in_menu(old: str, new: str) -> GuestChange:
    """Other words in GRUB's menu."""
    changed: GuestChange = change(GRUB_CFG, old, new)
    return changed


def root_is(name: str | Callable[[RealGuest], str]) -> GuestChange:
    """Another root= in GRUB's menu; an empty one is left out."""

    def recipe(guest: RealGuest) -> None:
        wanted = name if isinstance(name, str) else name(guest)
        guest.root.change(GRUB_CFG, f"root=UUID={root_uuid(guest)}", f"root={wanted}" if wanted else "")

    return recipe


def root_uuid(guest: RealGuest) -> str:
    """The UUID of the root file system, as GRUB's menu names it."""
    words: list[str] = (guest.root / GRUB_CFG).read_text().split()
    return next(word for word in words if word.startswith("root=UUID=")).removeprefix("root=UUID=")


def of_kernel(size: Callable[[int], int]) -> GuestChange:
    """The kernel's file ends after so many of its bytes."""

    def recipe(guest: RealGuest) -> None:
        path = f"boot/vmlinuz-{guest.kernel}"
        content = (guest.root / path).read_bytes()
        guest.root.put(path, content[: size(len(content))])

    return recipe


def no_kernel(guest: RealGuest) -> None:
    """/boot was left out of a copy, or was full when the kernel was installed."""
    guest.root.remove(f"boot/vmlinuz-{guest.kernel}")


def no_initrd(guest: RealGuest) -> None:
    """The same, of the initramfs."""
    guest.root.remove(guest.initrd)


def inside(edit: Callable[[EditedTree], object]) -> GuestChange:
    """Other files in the initramfs."""

    def recipe(guest: RealGuest) -> None:
        edit(guest.initramfs)
        guest.root.put(guest.initrd, filtered(guest.archive(), "zstd", "-1", "-c"))
        shutil.rmtree(guest.initramfs.top)

    return recipe


def loader(make: Callable[[bytes], bytes]) -> GuestChange:
    """Another program as the fallback loader, made of the one that is there."""
    return lambda guest: guest.esp.put(FALLBACK, make((guest.esp / FALLBACK).read_bytes()))


def for_arm(program: bytes) -> bytes:
    """The same program, which says that it is for another architecture (PE, IMAGE_FILE_HEADER.Machine)."""
    changed = bytearray(program)
    (header,) = struct.unpack_from("<I", changed, 0x3C)
    struct.pack_into("<H", changed, header + 4, 0xAA64)
    return bytes(changed)


def signed_grub(stub: str | None, prefix: str = "/EFI/debian") -> GuestChange:
    """GRUB as distributions sign it: it reads grub.cfg at its prefix on the ESP, if there is one."""

    def recipe(guest: RealGuest) -> None:
        guest.esp.put(FALLBACK, grub_efi(guest.image, "", prefix))
        if stub is not None:
            guest.esp.put("EFI/debian/grub.cfg", stub)

    return recipe
