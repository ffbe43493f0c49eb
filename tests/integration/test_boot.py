"""`imgtool boot`: real guests come up, and nothing stays of one, however it ends."""

import hashlib
import json
import os
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.cli import IMGTOOL, assert_clean_failure, imgtool
from support.documentation import DOCS, examples, matches
from support.images import create_unsafe
from support.processes import processes_in

PATIENCE_SECONDS = "1200"
"""For machines that have much else to do."""
ENOUGH_SECONDS = 60.0


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """TMPDIR of the command: empty before, and to be empty after."""
    folder = tmp_path / "temporary, json:{a:b}"
    folder.mkdir()
    return folder


def boot(image: Path, temporary: Path, *options: str | Path) -> subprocess.CompletedProcess[str]:
    argv = [IMGTOOL, "boot", image, "--output", "json", *options]
    env = {**os.environ, "TMPDIR": str(temporary)}
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=1500)


def assert_came_up(run: subprocess.CompletedProcess[str], bus: str, firmware: str) -> dict[str, Any]:
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    (one,) = found["boots"]
    assert (one["bus"], one["firmware"], one["answered"], one["timed_out"]) == (bus, firmware, True, False)
    assert one["agent"]["os_id"] == "debian"
    assert one["agent"]["fsfreeze_status"] == "thawed"
    assert one["cloud_init"] == {"done": True, "datasource": "DataSourceConfigDrive"}
    assert one["root_grown"] is True
    assert one["differences"] == []
    assert one["diagnosis"] is None
    assert one["agent"]["hostname"] == "imgtool-boot"
    addresses = [address for one in one["agent"]["interfaces"] for address in one["addresses"]]
    assert "10.0.2.15/24" in addresses
    assert [one["stage"] for one in one["stages"]][-3:] == ["initramfs", "user-space", "agent"]
    assert {one["outcome"] for one in found["findings"]} <= {"pass", "skipped"}
    return found


def shown_as_documented(stages: str, image: Path) -> bool:
    """docs/boot.md shows the stages of such a boot, of golden.raw by UEFI."""
    example = next(one for one in examples(DOCS / "boot.md") if "--keep-log" in one.command)
    ours = tuple(
        line.replace("golden.raw", image.name).replace("firmware uefi", "firmware bios")
        for line in example.shown
    )
    return matches(ours, stages, image.parent)


def test_a_raw_image_on_virtio_blk_by_bios(debian_bios: Path, temporary: Path, tmp_path: Path) -> None:
    before, log = sha256(debian_bios), tmp_path / "serial.log"
    run = boot(debian_bios, temporary, "--timeout", PATIENCE_SECONDS, "--keep-log", log)
    found = assert_came_up(run, "virtio-blk", "bios")
    assert sha256(debian_bios) == before
    assert not list(temporary.iterdir())
    assert found["image"] == str(debian_bios)
    assert shown_as_documented(run.stderr, debian_bios)
    text = log.read_text()
    assert "SeaBIOS" in text
    assert "Linux version" in text
    assert "\x1b" not in text
    assert "user-space after" in run.stderr


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A disk whose boot sector never ends, and says nothing."""
    path = tmp_path / "endless.raw"
    partition = struct.pack("<BxxxBxxxII", 0x80, 0x83, 1, 2047)
    path.write_bytes(b"\xeb\xfe".ljust(446, b"\0") + partition.ljust(64, b"\0") + b"\x55\xaa")
    os.truncate(path, 1 << 20)
    return path


@contextmanager
def booting(image: Path, temporary: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """The command, once QEMU runs."""
    argv = [IMGTOOL, "boot", image, "--accel", "tcg", *options]
    env = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(argv, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True) as run:
        deadline = time.monotonic() + ENOUGH_SECONDS
        while not emulators(temporary):
            assert time.monotonic() < deadline
            assert run.poll() is None, run.communicate()[1]
            time.sleep(0.05)
        try:
            yield run
        finally:
            run.kill()


def emulators(temporary: Path) -> list[int]:
    """QEMU's processes: the overlay is open in them."""
    return [pid for pid in processes_in(temporary) if comm(pid).startswith("qemu-system")]


def comm(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except FileNotFoundError:
        return ""


def wait_until_gone(temporary: Path) -> None:
    deadline = time.monotonic() + ENOUGH_SECONDS
    while processes_in(temporary):
        assert time.monotonic() < deadline, processes_in(temporary)
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_nothing(number: signal.Signals, endless: Path, temporary: Path) -> None:
    before = sha256(endless)
    with booting(endless, temporary) as run:
        os.kill(run.pid, number)
        _, said = run.communicate(timeout=ENOUGH_SECONDS)
    assert run.returncode == 130, said
    assert "Traceback" not in said
    assert not processes_in(temporary)
    assert not list(temporary.iterdir())
    assert sha256(endless) == before


def test_qemu_does_not_outlive_a_command_that_is_killed(endless: Path, temporary: Path) -> None:
    with booting(endless, temporary) as run:
        run.kill()
        run.communicate(timeout=ENOUGH_SECONDS)
    wait_until_gone(temporary)


def test_the_timeout_ends_it_and_leaves_nothing_but_the_log(
    endless: Path, temporary: Path, tmp_path: Path
) -> None:
    log = tmp_path / "serial.log"
    options = ("--accel", "tcg", "--timeout", "2", "--bus", "all", "--keep-log", log)
    run = boot(endless, temporary, *options)
    assert run.returncode == 1, run.stderr
    boots = json.loads(run.stdout)["boots"]
    assert [one["bus"] for one in boots] == ["virtio-blk", "virtio-scsi"]
    for one in boots:
        assert (one["answered"], one["timed_out"], one["agent"]) == (False, True, None)
        assert one["diagnosis"]["stage"] in {"firmware", "boot-loader"}
    titles = [line for line in log.read_text().splitlines() if line.startswith("#")]
    assert titles == ["# virtio-blk, bios, tcg", "# virtio-scsi, bios, tcg"]
    assert not processes_in(temporary)
    assert not list(temporary.iterdir())


def test_an_image_without_anything_to_boot_is_not_waited_for(tmp_path: Path, temporary: Path) -> None:
    image = tmp_path / "data.raw"
    subprocess.run(["mke2fs", "-q", "-t", "ext4", image, "16M"], check=True)
    run = boot(image, temporary, "--accel", "tcg", "--timeout", PATIENCE_SECONDS)
    assert run.returncode == 1, run.stderr
    (one,) = json.loads(run.stdout)["boots"]
    assert (one["answered"], one["timed_out"]) == (False, False)
    assert one["diagnosis"]["stage"] == "firmware"
    assert "nothing to start" in one["diagnosis"]["cause"]
    assert not list(temporary.iterdir())


def test_the_text_says_where_it_stopped_and_shows_the_end_of_the_log(tmp_path: Path) -> None:
    image = tmp_path / "data.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", image, "16M"], check=True)
    run = imgtool("boot", image, "--accel", "tcg")
    assert run.returncode == 1, run.stderr
    assert "virtio-blk, bios, tcg" in run.stdout
    assert "BIOS finds nothing to start on the disk" in run.stdout
    assert "No bootable device" in run.stdout
    assert "boots-on-virtio-blk" in run.stdout
    assert "boots-on-virtio-scsi" not in run.stdout


@pytest.fixture
def without_qemu(tmp_path: Path) -> dict[str, str]:
    """A PATH that has all but qemu-system."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("qemu-img", "setpriv", "prlimit"):
        (folder / name).symlink_to(str(shutil.which(name)))
    return {"PATH": str(folder)}


def test_where_qemu_is_missing_the_package_is_named(endless: Path, without_qemu: dict[str, str]) -> None:
    run = imgtool("boot", endless, "--progress", "never", env=without_qemu)
    words = ("qemu-system-x86_64 is not installed", "apt install qemu-system-x86")
    assert_clean_failure(run, 4, *words)


def test_an_unsafe_image_comes_no_further_than_the_gate(tmp_path: Path, without_qemu: dict[str, str]) -> None:
    image = tmp_path / "backing.qcow2"
    create_unsafe(image)
    assert_clean_failure(imgtool("boot", image, env=without_qemu), 3, "backing")


def test_an_image_that_is_in_use_is_refused(tmp_path: Path, temporary: Path) -> None:
    image = tmp_path / "used.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", image, "16M"], check=True)
    other = ["qemu-io", "-f", "qcow2", image]
    with subprocess.Popen(other, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as user:
        assert user.stdin is not None
        assert user.stdout is not None
        print("length", file=user.stdin, flush=True)
        while "16 MiB" not in user.stdout.readline():
            assert user.poll() is None
        run = boot(image, temporary, "--accel", "tcg", "--timeout", "5")
    assert run.returncode == 3
    assert "another program has it open for writing" in json.loads(run.stdout)["error"]["message"]
    assert not list(temporary.iterdir())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--memory", "lots"), "invalid size"),
        (("--memory", "1M"), "invalid size"),
        (("--timeout", "0"), "--timeout"),
        (("--bus", "ide"), "--bus"),
        (("--cpus", "0"), "--cpus"),
        (("--keep-log", "/proc/none/log"), "the log cannot be written"),
    ],
)
def test_usage(options: tuple[str, ...], words: str, endless: Path) -> None:
    assert_clean_failure(imgtool("boot", endless, "-p", "never", *options), 2, words)


def test_the_log_does_not_take_the_image_s_place(endless: Path) -> None:
    before = sha256(endless)
    assert_clean_failure(
        imgtool("boot", endless, "-p", "never", "--keep-log", endless), 2, "is the image itself"
    )
    assert sha256(endless) == before
