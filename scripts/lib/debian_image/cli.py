"""Builds a real Debian cloud image from Debian's own packages, and prints the path of the raw disk.

  scripts/build-image                                  Debian 12, ext4, UEFI
  scripts/build-image --suite trixie --root btrfs
  scripts/build-image --firmware both                  starts by BIOS too
  scripts/build-image --fault agent-masked             spoilt on purpose

The image starts by UEFI, with --firmware both by BIOS too. It has its console on ttyS0, and is clean: no host
keys, no machine-id. It is kept in ${XDG_CACHE_HOME:-~/.cache}/imgtool/images, so a second call only prints
its path; do not write to it:
  cp --sparse=always "$(scripts/build-image)" mine.raw
Remove that directory to build afresh, with today's packages.

Root can build everything. Others need subordinate ids (package uidmap, a line in /etc/subuid and
/etc/subgid), and can build ext4 and xfs.

Exit status: 0 built, 2 usage, 4 this machine lacks something, or a program failed.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from debian_image import cache
from debian_image.commands import CommandFailedError, run
from debian_image.disk import build_disk
from debian_image.faults import FAULTS, MADE_BY, ROOT_ONLY, spoil
from debian_image.grub_pc import GRUB_PC, add_bios
from debian_image.layout import ROOT_KINDS, layout_for
from debian_image.loop import NEEDS_LOOP
from debian_image.rootfs import GENERATORS, KERNELS, make_golden, mmdebstrap_command, unpack

TOOLS = ("mmdebstrap", "tar", "grub-mkstandalone", "mkfs.vfat", "mmd", "mcopy", "sgdisk", "dd", "unshare")
TOOLS_FOR = {
    "ext4": ("mkfs.ext4",),
    "xfs": ("mkfs.xfs",),
    "btrfs": ("mkfs.btrfs", "btrfs", "losetup"),
    "lvm": ("mkfs.ext4", "mkfs.xfs", "pvcreate", "losetup"),
    "both": ("grub-mkimage",),
}
IN_NAMESPACE = "IMGTOOL_BUILD_IMAGE_IN_NAMESPACE"


class CannotBuildError(Exception):
    """This machine lacks something; the message says what to do."""


def main() -> int:
    """The command; returns its exit status."""
    options = _parse_arguments()
    # Debian keeps mkfs in /sbin, which is not on the path of those who are not root.
    os.environ["PATH"] = os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin:/sbin"
    try:
        _require_tools(options.root, options.firmware)
        _require_root_for(options.fault)
        print(_image(options))
    except (CannotBuildError, CommandFailedError) as error:
        print(f"build-image: {error}", file=sys.stderr)
        return 4
    return 0


def _parse_arguments() -> argparse.Namespace:
    summary, details = (__doc__ or "").split("\n", 1)
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("build-image", description=summary, epilog=details, formatter_class=form)
    parser.add_argument("--suite", choices=["bookworm", "trixie"], default="bookworm")
    parser.add_argument("--kernel", choices=list(KERNELS), default="cloud")
    generators = list(GENERATORS)
    parser.add_argument("--generator", choices=generators, default=generators[0], help="of the initramfs")
    parser.add_argument("--root", choices=ROOT_KINDS, default="ext4", help="lvm: with XFS")
    parser.add_argument("--firmware", choices=["uefi", "both"], default="uefi", help="both: BIOS as well")
    parser.add_argument("--fault", choices=list(FAULTS), action="append", default=[], help="repeatable")
    parser.add_argument("--command-line", default="", metavar="WORDS", help="add these to the kernel's")
    parser.add_argument("--mirror", help="Debian mirror, as mmdebstrap takes it (default: Debian's own)")
    options = parser.parse_args()
    for fault in MADE_BY.keys() & set(options.fault):
        if MADE_BY[fault] != options.generator:
            parser.error(f"the fault {fault} is made by {MADE_BY[fault]}")
    return options


def _require_tools(kind: str, firmware: str) -> None:
    needed = (*TOOLS, *TOOLS_FOR[kind], *TOOLS_FOR.get(firmware, ()))
    missing = [tool for tool in needed if not shutil.which(tool)]
    if firmware == "both" and not GRUB_PC.is_dir():
        missing.append("grub-pc-bin")
    if missing:
        raise CannotBuildError(f"not installed: {', '.join(missing)}. Run scripts/setup.")
    if os.geteuid() == 0:
        return
    if kind in NEEDS_LOOP:
        raise CannotBuildError(f"--root {kind} needs loop devices: run this as root.")
    if not shutil.which("newuidmap"):
        raise CannotBuildError("newuidmap is not installed: install uidmap, or run this as root.")


def _require_root_for(faults: list[str]) -> None:
    if os.geteuid() != 0 and (needing := ROOT_ONLY.intersection(faults)):
        raise CannotBuildError(f"--fault {min(needing)} needs mounts: run this as root.")


def _image(options: argparse.Namespace) -> Path:
    """The path of the image, built now where the cache has none."""
    key = cache.digest(cache.recipe(), *_choices(options))
    target = cache.directory() / f"{key}.raw"
    if not target.exists():
        archive = _root_archive(options)
        if os.geteuid() == 0:
            _build(options, archive, key, target)
        else:
            _build_in_namespace()
    return target


def _choices(options: argparse.Namespace) -> list[str]:
    with_bios = ["both"] if options.firmware == "both" else []
    words = [f"words={options.command_line}"] if options.command_line else []
    return [
        options.suite,
        options.kernel,
        options.generator,
        options.root,
        *with_bios,
        *words,
        *sorted(options.fault),
    ]


def _root_archive(options: argparse.Namespace) -> Path:
    """The root file system as mmdebstrap made it: the slow step, shared by all disks made from it."""
    command = mmdebstrap_command(options.suite, options.kernel, options.generator, options.mirror)
    target = cache.directory() / f"{cache.digest(*command)}.tar"
    with cache.made_once(target) as fresh:
        if fresh:
            _step(f"mmdebstrap installs Debian {options.suite}, about a minute")
            _bootstrap(command, fresh)
    return target


def _bootstrap(command: list[str], target: Path) -> None:
    with target.open("wb") as out:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, check=False
        )
    if done.returncode:
        log = done.stderr.decode(errors="replace")
        raise CommandFailedError(f"{log}mmdebstrap ended with status {done.returncode}")


def _build(options: argparse.Namespace, archive: Path, key: str, target: Path) -> None:
    with cache.made_once(target) as fresh:
        if not fresh:
            return
        tree = fresh.parent / "tree"
        layout = layout_for(options.root, key)
        _step(f"unpacking the root file system{''.join(f', fault {name}' for name in options.fault)}")
        unpack(archive, tree)
        make_golden(tree, layout, options.command_line)
        spoil(tree, options.fault)
        _step(f"writing the disk, its root on {options.root}")
        build_disk(options.root, tree, layout, fresh)
        if options.firmware == "both":
            add_bios(fresh, layout)


def _build_in_namespace() -> None:
    """This program once more, as root of a user namespace, where files can belong to anyone."""
    _step("not root: the rest is done in a user namespace")
    if IN_NAMESPACE in os.environ:
        raise CannotBuildError("this machine's user namespaces give no root: run this as root.")
    environment = (f"{IN_NAMESPACE}=1", sys.executable, *sys.argv)
    run("unshare", "--map-root-user", "--map-auto", "--mount", "env", *environment)


def _step(message: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} build-image: {message}", file=sys.stderr, flush=True)
