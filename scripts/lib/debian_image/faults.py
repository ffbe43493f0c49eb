"""What can be spoilt on purpose: each fault is what really happens to images, made the way it happens."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from debian_image.commands import run
from debian_image.rootfs import kernel_version, write

_ENVIRONMENT = ("PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive")


_DEVICES = ("null", "zero", "urandom")


def _in_chroot(tree: Path, *command: str) -> None:
    """Runs `command` in the tree, where it finds the few devices that it needs."""
    with ExitStack() as devices:
        for name in _DEVICES:
            devices.enter_context(_device(Path("/dev", name), tree / "dev" / name))
        run("chroot", tree, "/usr/bin/env", "-i", *_ENVIRONMENT, *command)


@contextmanager
def _device(original: Path, copy: Path) -> Iterator[None]:
    """The device at another place: as a node, or bound there in a user namespace, which may make none."""
    status = original.stat()
    try:
        os.mknod(copy, status.st_mode, status.st_rdev)
        bound = False
    except PermissionError:
        copy.touch()
        run("mount", "--bind", original, copy)
        bound = True
    try:
        yield
    finally:
        if bound:
            run("umount", copy)
        copy.unlink()


def _mask_agent(tree: Path) -> None:
    """What `systemctl mask qemu-guest-agent` does."""
    (tree / "etc/systemd/system/qemu-guest-agent.service").symlink_to("/dev/null")


def _remove_agent(tree: Path) -> None:
    """The package was purged."""
    _in_chroot(tree, "dpkg", "--purge", "qemu-guest-agent")


def _initramfs_without_virtio(tree: Path) -> None:
    """The initramfs of a machine with SATA and NVMe disks only, made by mkinitramfs."""
    write(tree / "etc/initramfs-tools/conf.d/driver-policy", "MODULES=list\n")
    write(tree / "etc/initramfs-tools/modules", "ata_piix\nnvme\nsd_mod\next4\nxfs\nbtrfs\n")
    version = kernel_version(tree)
    _in_chroot(tree, "mkinitramfs", "-o", f"/boot/initrd.img-{version}", version)


def _initramfs_host_only(tree: Path) -> None:
    """`dracut --hostonly`: what dracut finds that the machine needs that builds the image. Root only."""
    version = kernel_version(tree)
    with _hardware_shown(tree):
        _in_chroot(tree, "dracut", "--hostonly", "--force", f"/boot/initrd.img-{version}", version)


@contextmanager
def _hardware_shown(tree: Path) -> Iterator[None]:
    """The tree as a mounted root with /proc and /sys, from which a machine's hardware can be read."""
    with ExitStack() as mounts:
        for options, place in (
            (("--bind", tree), tree),
            (("-t", "proc", "proc"), tree / "proc"),
            (("-t", "sysfs", "-o", "ro", "sysfs"), tree / "sys"),
        ):
            run("mount", *options, place)
            mounts.callback(run, "umount", place)
        yield


def _truncate_initramfs(tree: Path) -> None:
    """A copy that ended early: the first two thirds of the file."""
    initramfs = tree / f"boot/initrd.img-{kernel_version(tree)}"
    os.truncate(initramfs, initramfs.stat().st_size * 2 // 3)


def _bake_host_keys(tree: Path) -> None:
    """Taken from a machine whose sshd had started: every instance would have the same keys."""
    _in_chroot(tree, "ssh-keygen", "-A")


def _set_machine_id(tree: Path) -> None:
    """Taken from a machine that had booted."""
    write(tree / "etc/machine-id", "0123456789abcdef0123456789abcdef\n")


FAULTS: dict[str, Callable[[Path], None]] = {
    "agent-masked": _mask_agent,
    "no-agent": _remove_agent,
    "initramfs-without-virtio": _initramfs_without_virtio,
    "initramfs-host-only": _initramfs_host_only,
    "initramfs-truncated": _truncate_initramfs,
    "host-keys": _bake_host_keys,
    "machine-id-set": _set_machine_id,
}

MADE_BY = {
    "initramfs-without-virtio": "initramfs-tools",
    "initramfs-host-only": "dracut",
}
"""Faults that one generator of the initramfs makes."""


def spoil(tree: Path, faults: Iterable[str]) -> None:
    """Puts the named faults into the root file system."""
    for fault in faults:
        FAULTS[fault](tree)
