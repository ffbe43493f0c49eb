"""A guest whose kernel does not start, with its root in a logical volume, is repaired by another kernel."""

import shutil
from pathlib import Path

import pytest
from support.fix_grid import Cell, fsck, opened
from support.in_process import imgtool_here

from imgtool.fix import host_kernel

GUEST = Cell("bookworm", "initramfs-tools", "lvm", "uefi")
OTHER = Cell("trixie", "dracut", "ext4", "uefi")
MASK = "etc/systemd/system/qemu-guest-agent.service"


@pytest.fixture
def kernel_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """That of another Debian, in place of this machine's, which may have none in /boot."""
    image = tmp_path / "other.raw"
    shutil.copyfile(OTHER.image(), image)
    with opened(image, OTHER, tmp_path / "other") as other:
        for name in (f"boot/vmlinuz-{other.kernel}", f"lib/modules/{other.kernel}"):
            source, place = other.root / name, tmp_path / "this" / name
            place.parent.mkdir(parents=True)
            copy = shutil.copytree if source.is_dir() else shutil.copyfile
            copy(source, place)
        version = other.kernel
    image.unlink()
    monkeypatch.setattr(host_kernel, "BOOT", tmp_path / "this/boot")
    monkeypatch.setattr(host_kernel, "MODULES", tmp_path / "this/lib/modules")
    return version


def test_another_kernel_is_started(kernel_of_this_machine: str, tmp_path: Path) -> None:
    image, target = tmp_path / "old.raw", tmp_path / "new.raw"
    shutil.copyfile(GUEST.image(), image)
    with opened(image, GUEST, tmp_path / "guest") as guest:
        (guest.root / f"boot/vmlinuz-{guest.kernel}").write_bytes(b"no kernel" * 999)
        (guest.root / MASK).symlink_to("/dev/null")
    words = ("--only", "guest-agent-enabled", "--no-boot", "--output", "json", "--force-share")
    run = imgtool_here("fix", image, target, *words)
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    assert f"taking that of this machine, {kernel_of_this_machine}" in run.stderr
    fsck(target, GUEST)
    with opened(target, GUEST, tmp_path / "guest") as guest:
        assert not (guest.root / MASK).is_symlink()
