"""The gate is one, whatever the name, the wrapper, the claim or the way by which an image comes to it."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

import pytest
from support.cli import IMGTOOL, assert_clean_failure, imgtool
from support.hostile import COMPRESS, ROWS, claims, ova
from support.hostile.rows import Hostile
from support.images import convert

from imgtool.disk.open_source import incoming
from imgtool.errors import ImgtoolError
from imgtool.formats import admit
from imgtool.util.progress import NullProgress

LARGE = {
    "snapshots_that_share_a_table", "vmdk_tables_in_holes", "vdi_with_a_table_of_holes",
    "vhdx_of_terabytes_in_one_block",
}  # fmt: skip
"""200 MiB of holes, which take bzip2 long."""
LIARS = {name for name in ROWS if name in vars(claims) and "_named_" in name} - {"qcow2_named_raw"}
LIARS |= {"vhd_fixed_and_larger_than_its_file", "vhd_fixed_with_its_footer_in_the_disk"}  # by .vhd alone
"""Harmless where nobody makes a false claim."""
ARCHIVES = {name for name in ROWS if name in vars(ova)}
"""Not looked into where they are compressed."""
BELIEVED = {"web_page_named_qcow2", "tar_in_gzip", "dmg", "bzimage", *ARCHIVES}
"""By `-f raw` an operator says that text, an archive, a kernel or what ends so is a disk: as one it can do no
harm."""
NAMES = ["x", "x.img", "x.QCOW2", "x.vmdk.bak", "x.raw\n"]
CLAIMED = ["raw", "qcow2", "vmdk", "vdi", "vpc", "vhdx"]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """TMPDIR, in which nothing may be left."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def refusal(path: Path, claimed: str | None = None, *, may_stream: bool = False) -> ImgtoolError:
    with (
        pytest.raises(ImgtoolError) as caught,
        incoming(path, claimed, NullProgress(), may_stream=may_stream),
    ):
        pass
    assert caught.value.exit_status == 3
    assert "\n" not in caught.value.message
    assert "CANARY" not in caught.value.message + caught.value.hint
    return caught.value


@pytest.mark.series(5)
@pytest.mark.parametrize("ending", COMPRESS)
@pytest.mark.parametrize("name", [name for name in ROWS if name not in LARGE])
def test_compressed(name: str, ending: str, hostile: Hostile, temporary: Path) -> None:
    """To be inspected; and to be converted, when a raw disk is never a file of its own."""
    image = hostile(name, temporary.parent)
    path = image.with_name(f"{image.name}.{ending}")
    path.write_bytes(COMPRESS[ending](image.read_bytes()))
    for may_stream in [False, True] if image.suffix in {".raw", ".img"} else [False]:
        error = refusal(path, may_stream=may_stream)
        assert error.message.startswith(f"{path}: ")
        says = "tar archive" if name in ARCHIVES else ROWS[name][1]
        assert re.search(f"{says}|compressed more than once", error.message)
    assert os.listdir(temporary) == []


@pytest.mark.parametrize("ending", COMPRESS)
def test_compressed_and_by_a_pipe(ending: str, hostile: Hostile, tmp_path: Path) -> None:
    for name in ("backing_file", "vmdk_flat", "qed", "giant_l1"):
        content = COMPRESS[ending](hostile(name, tmp_path).read_bytes())
        for command in (["inspect", "-"], ["convert", "-", tmp_path / "out"]):
            run = subprocess.run([IMGTOOL, *command], input=content, capture_output=True, check=False)
            assert run.returncode == 3, run.stderr
            assert run.stderr.startswith(b"imgtool: error: stdin: ")
            assert b"CANARY" not in run.stderr + run.stdout
            assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", [name for name in ROWS if name not in LIARS | LARGE])
def test_under_any_name_and_any_claim(name: str, hostile: Hostile, temporary: Path) -> None:
    """Another claim may be refused first, and for that; nothing is let in by one."""
    image = hostile(name, temporary.parent)
    for other in NAMES:
        path = image.rename(image.with_name(other))
        refusal(path)
        image = path
    for claimed in CLAIMED:
        if name not in BELIEVED or claimed != "raw":
            refusal(image, claimed)


@pytest.mark.parametrize("name", sorted(LIARS))
def test_a_lie_is_no_harm_once_nobody_tells_it(name: str, hostile: Hostile, tmp_path: Path) -> None:
    if name not in BELIEVED:
        path = hostile(name, tmp_path)
        assert admit(path.rename(tmp_path / "x")).format in CLAIMED


# ---------------------------------------------------------------- our own output


@pytest.fixture
def two_faced(hostile: Hostile, tmp_path: Path) -> Path:
    """A sound qcow2, whose disk is an image with a backing file."""
    inner = hostile("backing_file", tmp_path)
    return convert(inner, tmp_path / "outer.qcow2", "raw", "qcow2")


@pytest.mark.parametrize("engine", ["native", "qemu-img"])
def test_a_guest_that_writes_another_header(engine: str, two_faced: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    failed = imgtool("convert", two_faced, target, "-O", "raw", "--engine", engine)
    assert_clean_failure(failed, 3, str(target), "what was written", "but its content is qcow2")
    assert not target.exists()
    assert not list(tmp_path.glob(".imgtool*"))


def test_a_guest_that_writes_another_header_to_a_pipe(two_faced: Path) -> None:
    failed = imgtool("convert", two_faced, "-", "-O", "raw")
    assert failed.returncode == 5
    assert failed.stdout == ""


def test_a_guest_that_writes_another_header_and_stays_inside(two_faced: Path, tmp_path: Path) -> None:
    done = imgtool("convert", two_faced, tmp_path / "out.qcow2", "--verify", "full")
    assert done.returncode == 0, done.stderr
