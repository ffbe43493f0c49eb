import subprocess
from pathlib import Path

import pytest

from imgtool import doctor, sandbox
from imgtool.doctor import Item
from imgtool.process import qemu_img
from imgtool.sandbox import confine
from imgtool.sandbox.confine import Means


def states(folder: Path) -> dict[str, Item]:
    return {item.name: item for item in doctor.examine(folder)}


def test_everything_that_is_needed_is_here(tmp_path: Path) -> None:
    assert [item.name for item in states(tmp_path).values() if item.state == "missing"] == []


def test_an_old_qemu_img_is_noted(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(qemu_img, "version", lambda: qemu_img.Version(4, 2, 1))
    item = states(tmp_path)["qemu-img"]
    assert item.state == "note"
    assert "4.2.1" in item.detail


def test_a_missing_qemu_img_stands_in_the_way(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    item = states(tmp_path)["qemu-img"]
    assert item.state == "missing"
    assert "qemu-utils" in item.remedy


@pytest.mark.usefixtures("own_server")
def test_the_box_is_tried_not_guessed(monkeypatch, tmp_path: Path) -> None:
    item = states(tmp_path)["sandbox"]
    assert item.state == "ok"
    assert "no file, no socket, no process: seccomp, Landlock" in item.detail
    monkeypatch.setattr(confine, "offered", lambda: Means(landlock_abi=0, seccomp=False))
    sandbox.stop()
    item = states(tmp_path)["sandbox"]
    sandbox.stop()
    assert item.state == "note"
    assert "a file or a socket" in item.detail


@pytest.mark.parametrize(("mkfs", "can"), [("mkfs.btrfs -q", True), ("mkfs.ext4 -q", False)])
def test_reflink_is_tried_not_guessed(mkfs: str, can: bool, tmp_path: Path) -> None:
    disk, mounted = tmp_path / "disk", tmp_path / "mounted"
    mounted.mkdir()
    with disk.open("wb") as stream:
        stream.truncate(256 << 20)
    subprocess.run([*mkfs.split(), disk], check=True)
    subprocess.run(["mount", "-o", "loop", disk, mounted], check=True)
    try:
        assert (states(mounted)["reflink here"].state == "ok") is can
    finally:
        subprocess.run(["umount", mounted], check=True)
