"""What a generator packs into an initramfs, small: to be spoiled in one point."""

from collections.abc import Mapping

from support.archives import Entry, newc
from support.kmod import DIRECTORY, VERSION, elf, modules

Tree = dict[str, bytes | Entry]

NAMES = (
    *("virtio", "virtio_ring", "virtio_pci", "virtio_blk", "virtio_scsi", "scsi_mod", "sd_mod", "virtio_net"),
    *("ext4", "jbd2", "mbcache", "xfs", "libcrc32c", "crc32c_generic", "dm_mod"),
)
DRIVER_RULE = b'ENV{MODALIAS}=="?*", RUN{builtin}+="kmod load"\n'
LINK, SCRIPT = 0o120777, 0o100755


def program(name: str) -> Entry:
    """A static program."""
    return Entry(elf(name))


def link(target: str) -> Entry:
    """A symbolic link."""
    return Entry(target.encode(), LINK)


def _kernel(names: tuple[str, ...], directory: str = DIRECTORY) -> Tree:
    found = modules(*names, directory=directory)
    return {path.lstrip("/"): content for path, content in found.items()}


def initramfs_tools(names: tuple[str, ...] = NAMES, directory: str = DIRECTORY) -> Tree:
    """As mkinitramfs makes it; `directory`: of the kernel's modules."""
    return {
        "usr/bin/sh": program("sh"),
        "usr/sbin/modprobe": program("modprobe"),
        "usr/lib/systemd/systemd-udevd": program("udevd"),
        "usr/lib/udev/rules.d/80-drivers.rules": DRIVER_RULE,
        "bin": link("usr/bin"),
        "sbin": link("usr/sbin"),
        "lib": link("usr/lib"),
        "conf/initramfs.conf": b"MODULES=most\n",
        "conf/modules": b"",
        "scripts/init-top/ORDER": b'/scripts/init-top/udev "$@"\n',
        "scripts/init-top/udev": Entry(b"#!/bin/sh -e\n"),
        "init": Entry(b"#!/bin/sh\n"),
        **_kernel(names, directory),
    }


def dracut(names: tuple[str, ...] = NAMES) -> Tree:
    """As dracut makes it, with systemd."""
    return {
        "usr/lib/systemd/systemd": program("systemd"),
        "usr/lib/systemd/systemd-udevd": program("udevd"),
        "usr/lib/udev/rules.d/80-drivers.rules": DRIVER_RULE,
        "usr/lib/dracut/build-parameter.txt": b" --no-hostonly\n",
        "usr/sbin/modprobe": program("modprobe"),
        "usr/sbin/lvm": program("lvm"),
        "usr/sbin/init": link("../lib/systemd/systemd"),
        "bin": link("usr/bin"),
        "sbin": link("usr/sbin"),
        "lib": link("usr/lib"),
        "init": link("usr/lib/systemd/systemd"),
        **_kernel(names),
    }


def mkinitcpio(names: tuple[str, ...] = NAMES) -> Tree:
    """As mkinitcpio makes it, with busybox and udev."""
    return {
        "usr/bin/ash": program("ash"),
        "usr/bin/modprobe": program("modprobe"),
        "usr/lib/systemd/systemd-udevd": program("udevd"),
        "usr/lib/udev/rules.d/80-drivers.rules": DRIVER_RULE,
        "usr/sbin": link("bin"),
        "sbin": link("usr/bin"),
        "lib": link("usr/lib"),
        "buildconfig": b"HOOKS=(base udev block)\n",
        "config": b'MODULES=""\n',
        "init": Entry(b"#!/usr/bin/ash\n"),
        **_kernel(names),
    }


def mkinitfs(names: tuple[str, ...] = NAMES) -> Tree:
    """As Alpine's mkinitfs makes it."""
    return {
        ".modloop": Entry(mode=0o040755),
        "bin/busybox": program("busybox"),
        "bin/sh": link("/bin/busybox"),
        "sbin/modprobe": link("/bin/busybox"),
        "sbin/nlplug-findfs": program("nlplug-findfs"),
        "usr/lib": Entry(mode=0o040755),
        "lib": link("usr/lib"),
        "init": Entry(b"#!/bin/sh\n"),
        **_kernel(names),
    }


def packed(tree: Mapping[str, bytes | Entry]) -> bytes:
    """The archive, with the directories that `find` names."""
    return newc(tree, parents=True)


def without(tree: Tree, *ends: str) -> Tree:
    """The same without what ends so."""
    return {name: one for name, one in tree.items() if not name.endswith(ends)}


MODULES = f"usr/lib/modules/{VERSION}"
