"""Menus of systemd-boot: entries, unified images, and what is chosen."""

from collections.abc import Mapping

from support.boot_disks import device, esp_with, layout, start, systemd_boot
from support.kernel_images import bzimage
from support.memory_filesystem import Content
from support.unified_image import unified_image

from imgtool.guest.bootloader.run import LoaderRun
from imgtool.guest.bootloader.systemd_boot import run_systemd_boot

OSREL = b'ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\n'
NEW = "257.13-1~deb13u1"
OLD = "252.39-1~deb12u2"
Tree = dict[str, Content]


def entry(name: str, *lines: str, file: str = "") -> Tree:
    """An entry as kernel-install writes it, with a kernel and an initrd of its own."""
    text = [f"title {name}", f"linux /deb/{name}/linux", f"initrd /deb/{name}/initrd"]
    text += [f"options root=LABEL=root mark={name}", *lines]
    return {
        f"loader/entries/{file or name}.conf": "\n".join(text) + "\n",
        f"deb/{name}/linux": bzimage(f"6.1.0-{name}"),
        f"deb/{name}/initrd": f"initrd of {name}",
    }


def uki(name: str, mark: str = "", osrel: bytes = OSREL, **more: bytes) -> Tree:
    sections = {
        ".osrel": osrel,
        ".cmdline": f"root=LABEL=root mark={mark or name}\n".encode(),
        ".uname": f"6.1.0-{name}".encode(),
        ".linux": bzimage(f"6.1.0-{name}"),
        ".initrd": b"initrd",
        **{f".{key}": value for key, value in more.items()},
    }
    return {f"EFI/Linux/{name}.efi": unified_image(sections)}


def conf(*lines: str) -> Tree:
    return {"loader/loader.conf": "\n".join(lines) + "\n"}


def run(tree: Mapping[str, Content], version: str = NEW, xbootldr: Mapping[str, Content] | None = None, **k):
    esp = esp_with(tree, systemd_boot(version))
    devices = [esp]
    if xbootldr is not None:
        devices.append(device(2, "xbootldr", k.pop("filesystem", "vfat"), xbootldr))
    return run_systemd_boot(start("systemd-boot", esp), devices, layout(devices, k.pop("scheme", "gpt")))


def mark(found: LoaderRun) -> str:
    """Which entry starts, by the mark on its command line; else how it ends."""
    if found.end != "entry" or found.booted is None or found.booted.kernel is None:
        return found.end
    return found.booted.entry.options.partition("mark=")[2].partition(" ")[0]
