"""A real Debian that systemd-boot starts: its entries are edited; a unified kernel image is not."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.cli import imgtool
from support.real_guest import RealGuest, opened_guest
from support.systemd_boot_disk import FALLBACK, LOADERS, Esp, line_of, on_a_larger_esp

ALL = os.environ.get("IMGTOOL_FIX") == "all"
PATIENCE_SECONDS = 1500
MASKED_BY = "systemd.mask=qemu-guest-agent.service"
ENTRY = "loader/entries/good.conf"
ROOT = "root=/dev/sda2"


@contextmanager
def by_systemd_boot(debian_image: Path, folder: Path) -> Iterator[tuple[RealGuest, str]]:
    """A disk with systemd-boot and no entry, and the kernel's command line that it had."""
    image = on_a_larger_esp(debian_image, folder)
    (folder / "guest").mkdir()
    with opened_guest(image, folder / "guest", 1, 2) as guest:
        line = line_of(guest)
        shutil.rmtree(guest.root / "boot/grub")
        guest.esp.put(FALLBACK, (LOADERS / "systemd-bootx64.efi").read_bytes())
        yield guest, line
        guest.write_esp()


def spoilt(line: str) -> str:
    """It names the root by its bus, masks the agent, and leaves the serial console silent."""
    words = [word for word in line.split() if not word.startswith(("root=", "console="))]
    return " ".join((ROOT, *words, MASKED_BY))


@pytest.mark.parametrize("in_fstab", [True, False] if ALL else [False])
def test_entries_are_edited(debian_image: Path, in_fstab: bool, tmp_path: Path) -> None:
    with by_systemd_boot(debian_image, tmp_path) as (guest, line):
        Esp(guest, b"", spoilt(line)).type1("good")
        kernel = guest.root / "etc/kernel"
        kernel.mkdir(exist_ok=True)
        (kernel / "cmdline").write_text(spoilt(line) + "\n")
        if not in_fstab:
            fstab = guest.root / "etc/fstab"
            kept = [one for one in fstab.read_text().splitlines() if "/boot/efi" not in one]
            fstab.write_text("\n".join(kept) + "\n")
            (guest.root / "efi").mkdir()
    target = tmp_path / "new.raw"
    words = ("fix", tmp_path / "larger.raw", target, "--output", "json", "--force-share")
    run = imgtool(*words, "--boot" if ALL else "--no-boot", timeout=PATIENCE_SECONDS)
    found = json.loads(run.stdout)
    assert run.returncode == 0, f"{found['problem']}\n{found['repairs']}\n{found['machine']}\n{run.stderr}"
    checks = {check for one in found["repairs"] for check in one["checks"]}
    assert checks == {"fstab-stable", "guest-agent-enabled", "serial-console"}
    (tmp_path / "after").mkdir()
    with opened_guest(target, tmp_path / "after", 1, 2) as after:
        for content in ((after.esp / ENTRY).read_text(), (after.root / "etc/kernel/cmdline").read_text()):
            assert MASKED_BY not in content
            assert ROOT not in content
            assert "root=UUID=" in content
            assert "console=ttyS0,115200" in content


def test_a_unified_image_is_not_edited(debian_image: Path, tmp_path: Path) -> None:
    with by_systemd_boot(debian_image, tmp_path) as (guest, line):
        Esp(guest, b"", f"{line} {MASKED_BY}").unified("good")
    words = ("fix", tmp_path / "larger.raw", tmp_path / "new.raw", "--output", "json", "--dry-run")
    run = imgtool(*words, "--force-share")
    assert run.returncode == 1
    assert "a unified kernel image" in json.loads(run.stdout)["left"]["guest-agent-enabled"]
