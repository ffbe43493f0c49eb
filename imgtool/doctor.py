"""What this machine has for imgtool's work, command by command: programs, libraries, file systems, clouds."""

import fcntl
import importlib.metadata
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from imgtool import __version__
from imgtool.boot import accelerator, firmware
from imgtool.errors import CloudError, ImgtoolError
from imgtool.formats import sniff
from imgtool.glance import configuration
from imgtool.process import confined, programs, qemu_img
from imgtool.sandbox import confine, probe
from imgtool.util import install
from imgtool.util.text import human_size

OLDEST_QEMU_IMG = qemu_img.Version(5, 1, 0)
"""The first that reads and writes zstd clusters: docs/interop/qcow2, compression type."""

FICLONE = 0x40049409
"""ioctl_ficlonerange(2), linux/fs.h: _IOW(0x94, 9, int)."""

QEMU_SECONDS = 10.0
"""For its version."""

LIBRARIES = ("oslo.utils", "openstacksdk", "dissect.xfs", "isal", "zstandard")
OPENSTACK = "openstacksdk"
EXTRAS = {"distributed": ("cluster", "batch --scheduler"), "cyclonedx-python-lib": ("sbom", "sbom")}
"""What an extra of the package brings: its name, and the commands that need it."""

ALL = "every command"
IMAGES = "every command that reads an image"
MADE = "convert, prepare and batch"
BOOT = "boot, --boot and fix"
CLOUDS = "upload, prepare, batch, copy, retire and boot --cloud"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was looked at. `missing` stands in the way, `note` is only worth knowing."""

    name: str
    state: Literal["ok", "note", "missing"]
    detail: str
    remedy: str = ""
    needed_by: str = ""
    """Which commands, in words; empty where it says something of a cloud."""


def examine(folder: Path) -> tuple[Item, ...]:
    """Look at everything; `folder` is where images are worked on. What few commands need is never missing."""
    temporary = Path(tempfile.gettempdir())
    needed = {
        ALL: [_python(), _imgtool()],
        IMAGES: [
            _probe("qemu-img", _qemu_img),
            _probe("libmagic", _libmagic),
            _probe("sandbox", _sandbox),
            _confinement(),
            *(_library(name) for name in LIBRARIES if name != OPENSTACK),
            _room("room for temporary files", temporary),
        ],
        MADE: [_cores(), _reflink(folder), _room("room here", folder)],
        CLOUDS: [_library(OPENSTACK), _clouds()],
        BOOT: [*_machine()],
        **{commands: [_extra(name, extra)] for name, (extra, commands) in EXTRAS.items()},
    }
    return tuple(replace(item, needed_by=by) for by, items in needed.items() for item in items)


def versions() -> Iterator[tuple[str, str]]:
    """Yield name and version of what decides how imgtool works here, for a report of a problem."""
    yield "Python", platform.python_version()
    for name, look in (("qemu-img", _qemu_img), ("QEMU", _qemu), ("libmagic", _libmagic)):
        item = _probe(name, look)
        yield name, item.detail
    for name in LIBRARIES:
        yield name, _library(name).detail


def _python() -> Item:
    return Item("Python", "ok", f"{platform.python_version()} at {sys.executable}")


def _imgtool() -> Item:
    return Item("imgtool", "ok", f"{__version__} in {Path(__file__).parent}")


def _qemu() -> Item:
    """Ask the emulator of this machine's architecture, which boots an image."""
    program = programs.require(f"qemu-system-{platform.machine()}")
    output = programs.run([program, "--version"], timeout_seconds=QEMU_SECONDS).stdout.decode(
        errors="replace"
    )
    found = re.search(r"version ([0-9.]+)", output)
    return Item("QEMU", "ok", f"{found[1] if found else 'unknown'} at {shutil.which(program)}")


def _machine() -> Iterator[Item]:
    """Tell what a boot takes; without QEMU nothing else of it can be known."""
    emulator = _probe("QEMU", _qemu)
    yield _optional(emulator)
    if emulator.state == "ok":
        yield _optional(_probe("UEFI", _uefi))
        yield _kvm()


def _uefi() -> Item:
    with tempfile.TemporaryDirectory() as folder:
        found = firmware.prepare("uefi", platform.machine(), Path(folder))
    return Item("UEFI", "ok", str(found.code) if found else "is in QEMU")


def _kvm() -> Item:
    """Ask whether it really runs a guest: that /dev/kvm is there proves nothing."""
    try:
        obstacle = accelerator.obstacle_to_kvm(platform.machine())
    except ImgtoolError as error:
        obstacle = error.message
    if obstacle is None:
        return Item("KVM", "ok", "runs a guest")
    return Item("KVM", "note", f"no: {obstacle}", "guests are emulated, which takes longer")


def _clouds() -> Item:
    """List those that are configured; none of them is asked anything."""
    name = "clouds"
    try:
        places = configuration.places()
    except CloudError as error:
        return Item(name, "note", error.message, error.hint)
    if not places:
        return Item(name, "note", "none is configured", configuration.where_it_is_looked_for())
    return Item(name, "ok", "; ".join(f"{', '.join(names)} of {place}" for place, names in places.items()))


def _extra(name: str, extra: str) -> Item:
    """Tell of a library that an extra of the package brings."""
    remedy = f"the extra {extra} has it: pipx inject openstack-imgtool {name}, or pip install {name}"
    return _optional(replace(_library(name), remedy=remedy))


def _optional(item: Item) -> Item:
    """Only worth knowing where it is missing; what is there needs no remedy."""
    return replace(item, state="note") if item.state == "missing" else replace(item, remedy="")


def _probe(name: str, look: Callable[[], Item]) -> Item:
    try:
        return look()
    except ImgtoolError as error:
        return Item(name, "missing", error.message, error.hint)


def _qemu_img() -> Item:
    version = qemu_img.version()
    where = shutil.which("qemu-img")
    if version < OLDEST_QEMU_IMG:
        return Item("qemu-img", "note", f"{version} at {where}: too old for zstd", "upgrade to 5.1 or later")
    return Item("qemu-img", "ok", f"{version} at {where}")


def _libmagic() -> Item:
    return Item("libmagic", "ok", f"version {sniff.library_version()}")


def _sandbox() -> Item:
    """What a reader of hostile bytes cannot do here, by trying it; and by what means."""
    found, means = probe.look(), confine.offered()
    tried = {"file": found.no_file, "socket": found.no_socket, "process": found.no_process}
    free = [name for name, refused in tried.items() if not refused]
    if free:
        left = f"what reads images has limits, but could open or start a {' or a '.join(free)}"
        return Item("sandbox", "note", left, "a kernel with seccomp, on x86_64 or aarch64, prevents it")
    offered = {"seccomp": means.seccomp, f"Landlock {means.landlock_abi}": means.landlock_abi}
    by = ", ".join(name for name, is_there in offered.items() if is_there)
    return Item("sandbox", "ok", f"what reads images can open no file, no socket, no process: {by}")


def _confinement() -> Item:
    """What keeps qemu-img and QEMU to the files that they are given."""
    name, found = "confinement", confined.means()
    if found == "none":
        left = "nothing confines qemu-img and QEMU here: qemu-img reads raw and qcow2 only"
        remedy = f"{install.command('bubblewrap')}; or take a kernel with Landlock (5.13 or later)"
        return Item(name, "note", left, remedy)
    by = f"Landlock {confine.offered().landlock_abi} and seccomp" if found == "landlock" else "bubblewrap"
    return Item(name, "ok", f"qemu-img and QEMU can open nothing but what they are given: {by}")


def _library(name: str) -> Item:
    try:
        return Item(name, "ok", importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Item(name, "missing", "is not installed", "install it beside imgtool, or imgtool again")


def _cores() -> Item:
    return Item("cores", "ok", f"{len(os.sched_getaffinity(0))} for this process")


def _reflink(folder: Path) -> Item:
    """Try to clone a file, which is the only sure way to know."""
    name = "reflink here"
    try:
        with tempfile.TemporaryFile(dir=folder) as source, tempfile.TemporaryFile(dir=folder) as clone:
            source.write(b"\0" * 4096)
            source.flush()
            fcntl.ioctl(clone.fileno(), FICLONE, source.fileno())
    except OSError as error:
        return Item(name, "note", f"no ({error.strerror}): copies are written out", "XFS and Btrfs can")
    return Item(name, "ok", "yes: copies share their blocks")


def _room(name: str, folder: Path) -> Item:
    return Item(name, "ok", f"{human_size(shutil.disk_usage(folder).free)} free in {folder}")
