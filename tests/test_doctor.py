import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.cli import imgtool

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


def test_what_few_commands_need_is_never_missing(monkeypatch, tmp_path: Path) -> None:
    for program in Path("/usr/bin").iterdir():
        if not program.name.startswith("qemu-system"):
            (tmp_path / program.name).symlink_to(program)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = states(tmp_path)
    assert (found["QEMU"].state, found["QEMU"].needed_by) == ("note", doctor.BOOT)
    assert "install qemu-system" in found["QEMU"].remedy
    assert {"UEFI", "KVM"}.isdisjoint(found)
    assert found["qemu-img"].state == "ok"
    assert [item.name for item in found.values() if item.state == "missing"] == []


def test_an_extra_that_is_not_installed_says_how_it_is(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setitem(doctor.EXTRAS, "no-such-library", ("cluster", "batch --scheduler"))
    item = states(tmp_path)["no-such-library"]
    assert (item.state, item.needed_by) == ("note", "batch --scheduler")
    assert "pipx inject openstack-imgtool no-such-library" in item.remedy


def test_a_boot_has_qemu_its_firmware_and_the_truth_about_kvm(tmp_path: Path) -> None:
    found = states(tmp_path)
    assert str(shutil.which("qemu-system-x86_64")) in found["QEMU"].detail
    assert Path(found["UEFI"].detail).is_file()
    assert found["KVM"].state == ("note" if found["KVM"].remedy else "ok")


CLOUDS = "clouds: {one: {auth: {auth_url: 'http://127.0.0.1', password: hidden-word}}, two: {}}"


def test_clouds_are_listed_with_their_file_and_no_secret(monkeypatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("OS_")]:
        monkeypatch.delenv(name)
    file = tmp_path / "clouds.yaml"
    file.write_text(CLOUDS)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(file))
    assert states(tmp_path)["clouds"].detail == f"one, two of {file}"
    monkeypatch.setenv("OS_AUTH_URL", "http://127.0.0.1")
    assert states(tmp_path)["clouds"].detail == f"one, two of {file}; one of the OS_* variables"
    file.write_text("clouds: [1")
    broken = states(tmp_path)["clouds"]
    assert (broken.state, "clouds.yaml" in broken.detail) == ("note", True)
    monkeypatch.delenv("OS_AUTH_URL")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "none.yaml"))
    missing = states(tmp_path)["clouds"]
    assert (missing.state, missing.detail) == ("note", "none is configured")
    assert "none.yaml, which does not exist" in missing.remedy


def test_the_command_names_the_configuration_file(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('progress = "never"\n')
    shown = imgtool("doctor", env={"IMGTOOL_CONFIG": str(file)}).stdout.splitlines()
    assert shown[0] == "for every command"
    assert shown[1].split() == ["ok", "configuration", str(file)]
    assert shown[2].split()[:2] == ["ok", "Python"]


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
