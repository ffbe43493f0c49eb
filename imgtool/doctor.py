"""What this machine has for imgtool's work: programs, libraries, file systems, room."""

import fcntl
import importlib.metadata
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from imgtool.errors import ImgtoolError
from imgtool.formats import sniff
from imgtool.process import confined, programs, qemu_img
from imgtool.sandbox import confine, probe
from imgtool.util.text import human_size

OLDEST_QEMU_IMG = qemu_img.Version(5, 1, 0)
"""The first that reads and writes zstd clusters: docs/interop/qcow2, compression type."""

FICLONE = 0x40049409
"""ioctl_ficlonerange(2), linux/fs.h: _IOW(0x94, 9, int)."""

QEMU_SECONDS = 10.0
"""For its version."""

LIBRARIES = ("oslo.utils", "openstacksdk", "dissect.extfs", "isal", "zstandard")


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was looked at. `missing` stands in the way, `note` is only worth knowing."""

    name: str
    state: Literal["ok", "note", "missing"]
    detail: str
    remedy: str = ""


def examine(folder: Path) -> tuple[Item, ...]:
    """Look at everything; `folder` is where images are worked on."""
    programs = (_probe("qemu-img", _qemu_img), _probe("libmagic", _libmagic))
    sandbox = _probe("sandbox", _sandbox)
    confinement = _confinement()
    libraries = tuple(_library(name) for name in LIBRARIES)
    temporary = Path(tempfile.gettempdir())
    places = (_reflink(folder), _room("room here", folder), _room("room for temporary files", temporary))
    return (*programs, sandbox, confinement, *libraries, _cores(), *places)


def versions() -> Iterator[tuple[str, str]]:
    """Yield name and version of what decides how imgtool works here, for a report of a problem."""
    yield "Python", platform.python_version()
    for name, look in (("qemu-img", _qemu_img), ("QEMU", _qemu), ("libmagic", _libmagic)):
        item = _probe(name, look)
        yield name, item.detail
    for name in LIBRARIES:
        yield name, _library(name).detail


def _qemu() -> Item:
    """Ask the emulator of this machine's architecture, which boots an image."""
    program = f"qemu-system-{platform.machine()}"
    output = programs.run([program, "--version"], timeout_seconds=QEMU_SECONDS).stdout.decode(
        errors="replace"
    )
    found = re.search(r"version ([0-9.]+)", output)
    return Item("QEMU", "ok", f"{found[1] if found else 'unknown'} at {shutil.which(program)}")


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
        return Item(name, "note", left, "apt install bubblewrap, or a kernel with Landlock (5.13 or later)")
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
