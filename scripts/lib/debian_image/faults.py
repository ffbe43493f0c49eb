"""What can be spoilt on purpose: each fault is what really happens to images, made the way it happens."""

import os
import shutil
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path

from debian_image.chroot import hardware_shown, in_chroot, mounted_on_itself
from debian_image.filesystems import make_ext4
from debian_image.layout import ROOT_MIB
from debian_image.loop import mounted
from debian_image.rootfs import kernel_version, write


def _mask_agent(tree: Path) -> None:
    """What `systemctl mask qemu-guest-agent` does."""
    (tree / "etc/systemd/system/qemu-guest-agent.service").symlink_to("/dev/null")


def _remove_agent(tree: Path) -> None:
    """The package was purged."""
    in_chroot(tree, "dpkg", "--purge", "qemu-guest-agent")


def _initramfs_without_virtio(tree: Path) -> None:
    """The initramfs of a machine with SATA and NVMe disks only, made by mkinitramfs."""
    write(tree / "etc/initramfs-tools/conf.d/driver-policy", "MODULES=list\n")
    write(tree / "etc/initramfs-tools/modules", "ata_piix\nnvme\nsd_mod\next4\nxfs\nbtrfs\n")
    version = kernel_version(tree)
    in_chroot(tree, "mkinitramfs", "-o", f"/boot/initrd.img-{version}", version)


def _initramfs_host_only(tree: Path) -> None:
    """`dracut --hostonly`: what dracut finds that the machine needs that builds the image. Root only."""
    version = kernel_version(tree)
    with mounted_on_itself(tree), hardware_shown(tree):
        in_chroot(tree, "dracut", "--hostonly", "--force", f"/boot/initrd.img-{version}", version)


def _initramfs_dep(tree: Path) -> None:
    """MODULES=dep: what mkinitramfs finds that the device of the mounted root needs, here a loop device.

    It reads that device from /proc/mounts, so that a copy of the tree is mounted for it. Root only.
    """
    write(tree / "etc/initramfs-tools/conf.d/driver-policy", "MODULES=dep\n")
    version = kernel_version(tree)
    initramfs = f"boot/initrd.img-{version}"
    copy = make_ext4(tree, str(uuid.uuid4()), ROOT_MIB, tree.with_name("root-of-dep.img"))
    with mounted(copy) as (root, device), hardware_shown(root):
        in_chroot(root, "mkinitramfs", "-o", f"/{initramfs}", version, devices=(device.name,))
        shutil.copyfile(root / initramfs, tree / initramfs)
    copy.unlink()


def _truncate_initramfs(tree: Path) -> None:
    """A copy that ended early: the first two thirds of the file."""
    initramfs = tree / f"boot/initrd.img-{kernel_version(tree)}"
    os.truncate(initramfs, initramfs.stat().st_size * 2 // 3)


def _bake_host_keys(tree: Path) -> None:
    """Taken from a machine whose sshd had started: every instance would have the same keys."""
    in_chroot(tree, "ssh-keygen", "-A")


def _set_machine_id(tree: Path) -> None:
    """Taken from a machine that had booted."""
    write(tree / "etc/machine-id", "0123456789abcdef0123456789abcdef\n")


FAULTS: dict[str, Callable[[Path], None]] = {
    "agent-masked": _mask_agent,
    "no-agent": _remove_agent,
    "initramfs-without-virtio": _initramfs_without_virtio,
    "initramfs-host-only": _initramfs_host_only,
    "initramfs-dep": _initramfs_dep,
    "initramfs-truncated": _truncate_initramfs,
    "host-keys": _bake_host_keys,
    "machine-id-set": _set_machine_id,
}

MADE_BY = {
    "initramfs-without-virtio": "initramfs-tools",
    "initramfs-host-only": "dracut",
    "initramfs-dep": "initramfs-tools",
}
"""Faults that one generator of the initramfs makes."""

ROOT_ONLY = frozenset({"initramfs-host-only", "initramfs-dep"})
"""Faults that take mounts which a user namespace is not given."""


def spoil(tree: Path, faults: Iterable[str]) -> None:
    """Puts the named faults into the root file system."""
    for fault in faults:
        FAULTS[fault](tree)
