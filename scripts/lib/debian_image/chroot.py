"""Runs the guest's own programs in its tree."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from debian_image.commands import run

_ENVIRONMENT = ("PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive")
_DEVICES = ("null", "zero", "urandom")


def in_chroot(tree: Path, *command: str, devices: tuple[str, ...] = ()) -> None:
    """Runs `command` in the tree, where it finds the few devices that it needs, and these of /dev."""
    with ExitStack() as nodes:
        for name in (*_DEVICES, *devices):
            nodes.enter_context(_device(Path("/dev", name), tree / "dev" / name))
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


@contextmanager
def hardware_shown(root: Path) -> Iterator[None]:
    """/proc and /sys in a mounted root, from which a machine's hardware can be read."""
    with ExitStack() as mounts:
        for options, place in (
            (("-t", "proc", "proc"), root / "proc"),
            (("-t", "sysfs", "-o", "ro", "sysfs"), root / "sys"),
        ):
            run("mount", *options, place)
            mounts.callback(run, "umount", place)
        yield


@contextmanager
def mounted_on_itself(tree: Path) -> Iterator[None]:
    """The tree as a mounted root, of the file system that it stands on."""
    run("mount", "--bind", tree, tree)
    try:
        yield
    finally:
        run("umount", tree)
