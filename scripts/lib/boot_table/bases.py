"""The few images that rows are copies of: Debian as build-image makes it, and two other loaders for it."""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from debian_image.rootfs import QUICK
from support.real_guest import mounted, opened_guest
from support.systemd_boot_disk import FALLBACK, LOADERS, on_a_larger_esp
from support.verdict_images import extlinux_base, make_base

from boot_table.model import BaseName

BUILD_IMAGE = Path(__file__).resolve().parents[2] / "build-image"
OPTIONS: dict[BaseName, tuple[str, ...]] = {
    "grub-uefi": (),
    "grub-bios": ("--firmware=both",),
    "dracut": ("--suite=trixie", "--generator=dracut"),
    "btrfs": ("--root=btrfs",),
    "lvm": ("--root=lvm",),
}
"""Those that build-image makes."""
ESP_AND_ROOT: dict[BaseName, tuple[int | None, int]] = {"extlinux": (None, 1)}
"""Numbers of partitions, where they are not 1 and 2."""


class BaseError(Exception):
    """A base cannot be made; the message says why."""


@dataclass
class Bases:
    """They are made when a row first asks for them, and kept in the folder."""

    folder: Path
    _made: dict[BaseName, Path] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def image(self, name: BaseName) -> Path:
        """The raw image, only to be read. Raises BaseError."""
        with self._lock:
            if name not in self._made:
                self._made[name] = self._make(name)
            return self._made[name]

    def _make(self, name: BaseName) -> Path:
        if name in OPTIONS:
            return build_image(*OPTIONS[name])
        work = self.folder / name
        work.mkdir()
        return DERIVED[name](work)


def build_image(*options: str) -> Path:
    """The image that `build-image OPTIONS` prints."""
    command = [str(BUILD_IMAGE), f"--command-line={QUICK}", *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise BaseError(f"scripts/build-image {' '.join(options)} ended with status {done.returncode}")
    return Path(done.stdout.strip())


def _systemd_boot(work: Path) -> Path:
    """Its loader alone on a larger ESP: each row puts its entries beside it. GRUB's menu tells them root=."""
    image: Path = on_a_larger_esp(build_image(), work)
    with opened_guest(image, work, 1, 2) as guest:
        guest.esp.put(FALLBACK, (LOADERS / "systemd-bootx64.efi").read_bytes())
        guest.write_esp()
    return image


def _extlinux(work: Path) -> Path:
    """EXTLINUX on an MBR, without the second kernel of that base."""
    grub = make_base(build_image("--firmware=both"), work)
    base = extlinux_base(grub, work)
    grub.image.unlink()
    with mounted(base.image, 1, work / "root") as root:
        for path in (*(root / "boot").glob(f"*{base.bad}"), root / "usr/lib/modules" / base.bad):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    image: Path = base.image
    return image


DERIVED: dict[BaseName, Callable[[Path], Path]] = {"systemd-boot": _systemd_boot, "extlinux": _extlinux}


def missing() -> list[str]:
    """What this machine lacks for the table."""
    programs = ("qemu-system-x86_64", "mcopy", "sgdisk", "extlinux", "objcopy", "debugfs", "cpio", "zstd")
    lacking = [name for name in programs if not shutil.which(name)]
    if not (LOADERS / "systemd-bootx64.efi").is_file():
        lacking.append("systemd-boot-efi")
    return [*lacking, *([] if os.geteuid() == 0 else ["root, for mounts"])]
