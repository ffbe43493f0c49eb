"""The disk of a running machine: QEMU locks what it may write to, which tells where no lease is to be had."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.images import create
from support.in_process import imgtool_here

from imgtool.formats import admit
from imgtool.formats.gate import refuse_writers


@contextmanager
def opened_by_qemu(path: Path, image_format: str, *options: str) -> Iterator[None]:
    """As a machine that runs has it open; until it answers it has not opened it yet."""
    command = ["qemu-io", "-f", image_format, *options, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as machine:
        assert machine.stdin is not None
        assert machine.stdout is not None
        machine.stdin.write("length\n")
        machine.stdin.flush()
        assert "MiB" in machine.stdout.readline()
        yield
        machine.stdin.close()


@pytest.mark.parametrize("image_format", ["raw", "qcow2"])
def test_it_is_known_without_a_lease(image_format: str, tmp_path: Path) -> None:
    path = create(tmp_path / f"x.{image_format}", image_format, "8M")
    for options, written in (([], True), (["-r"], False)):
        with opened_by_qemu(path, image_format, *options):
            image = admit(path)
            assert image.handle is not None
            assert image.handle.open_for_writing is written
    refuse_writers(admit(path))


def test_what_is_behind_a_link_is_known_as_well(tmp_path: Path) -> None:
    path = create(tmp_path / "x.raw", "raw", "8M")
    (tmp_path / "link.raw").symlink_to(path)
    with opened_by_qemu(path, "raw"):
        image = admit(tmp_path / "link.raw")
        assert image.handle is not None
        assert image.handle.open_for_writing


@pytest.mark.parametrize(
    "command",
    [
        ["convert", "IMAGE", "TARGET"],
        ["convert", "--dry-run", "IMAGE", "TARGET"],
        ["upload", "IMAGE", "--cloud", "c", "--dry-run"],
        ["prepare", "IMAGE", "--cloud", "c", "--dry-run", "--policy", "minimal"],
    ],
    ids=" ".join,
)
def test_nothing_is_made_of_it_unless_that_is_wanted(command: list[str], tmp_path: Path) -> None:
    meant = {"IMAGE": str(create(tmp_path / "x.qcow2", "qcow2", "8M")), "TARGET": str(tmp_path / "y.qcow2")}
    words = [meant.get(word, word) for word in command]
    with opened_by_qemu(tmp_path / "x.qcow2", "qcow2"):
        run = imgtool_here(*words)
        assert run.returncode == 3, run.stderr
        assert f"{meant['IMAGE']}: another program has it open for writing" in run.stderr
        assert "--force-share" in run.stderr
        assert imgtool_here(*words, "--force-share").returncode in {0, 1}
        assert imgtool_here("inspect", meant["IMAGE"]).returncode == 0
