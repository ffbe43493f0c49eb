"""Btrfs with a subvolume and compression, and LVM: only the kernel and LVM make these, so they need root."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from debian_image.commands import run
from debian_image.filesystems import empty_file
from debian_image.layout import ROOT_MIB, SUBVOLUME, VOLUME_GROUP

NEEDS_LOOP = frozenset({"btrfs", "lvm"})
"""The kinds of root that are made here."""


def make_btrfs(tree: Path, uuid: str, size_mib: int, target: Path) -> Path:
    """The root in a subvolume, compressed with zstd."""
    empty_file(target, size_mib)
    run("mkfs.btrfs", "--quiet", "--label", target.stem, "--uuid", uuid, target)
    with mounted(target, "-o", "compress=zstd") as (top, _):
        run("btrfs", "subvolume", "create", top / SUBVOLUME)
        run("cp", "--archive", f"{tree}/.", top / SUBVOLUME)
    return target


def make_volume_group(pv: Path) -> int:
    """Makes the group with its volume `root` on `pv`; returns the byte at which that volume begins.

    `--driverloaded n`: metadata only, so that it works where there is no device-mapper.
    """
    with _loop_device(pv) as device:
        devices = f'devices {{ use_devicesfile=0 filter=["a|^{device}$|", "r|.*|"] }}'
        options = ("--config", f"{devices} backup {{ backup=0 archive=0 }}", "--driverloaded", "n")
        run("pvcreate", *options, device)
        run("vgcreate", *options, VOLUME_GROUP, device)
        unwiped = ("-an", "-Zn", "-Wn")
        run("lvcreate", *options, *unwiped, "--name", "root", "--size", f"{ROOT_MIB}m", VOLUME_GROUP)
        plain = ("--noheadings", "--nosuffix", "--units", "b")
        return int(run("pvs", *options, *plain, "-o", "pe_start", device))


@contextmanager
def _loop_device(content: Path) -> Iterator[str]:
    device = run("losetup", "--find", "--show", content).strip()
    try:
        yield device
    finally:
        run("losetup", "--detach", device)


@contextmanager
def mounted(content: Path, *options: str) -> Iterator[tuple[Path, Path]]:
    """The file system in the file `content`: where it is mounted, and its loop device."""
    directory = content.with_suffix(".mounted")
    directory.mkdir()
    with _loop_device(content) as device:
        run("mount", *options, device, directory)
        try:
            yield directory, Path(device)
        finally:
            run("umount", directory)
    directory.rmdir()
