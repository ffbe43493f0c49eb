"""-O auto: the format by what the cloud tells, the operator says, or an earlier run has seen."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.cli import imgtool
from support.cloud import Devcloud
from support.glance_client import images_named
from support.images import convert, create, qemu_io
from support.own_cloud import cloud, running

__all__ = ["cloud", "running"]


@pytest.fixture(scope="module")
def parts() -> str:
    return "conversion"


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = create(tmp_path / "disk.raw", "raw", "24M")
    qemu_io(path, ["write -P 7 1M 3M"], "raw")
    return path


def prepared(source: Path, name: str, *options: str, cloud: str = "devcloud-member") -> dict[str, Any]:
    chosen = ("--policy", "data", "--cloud", cloud, "--name", name, "--output", "json", *options)
    run = imgtool("prepare", source, *chosen)
    assert run.returncode == 0, run.stderr + run.stdout
    upload: dict[str, Any] = json.loads(run.stdout)["upload"]
    return upload


def test_who_may_ask_is_told_and_a_member_remembers_it(cloud: Devcloud, disk: Path) -> None:
    member = prepared(disk, "choice", "--dry-run")
    assert (member["disk_format"], "administrators only" in member["format_reason"]) == ("qcow2", True)
    administrator = prepared(disk, "choice", "--dry-run", cloud="devcloud")
    assert "store fast is of type file as the cloud says" in administrator["format_reason"]
    member = prepared(disk, "choice", "--dry-run")
    assert "of type file as an earlier run was told" in member["format_reason"]


def test_the_operator_says_that_it_is_ceph_and_it_is_remembered(cloud: Devcloud, disk: Path) -> None:
    said = prepared(disk, "ceph", "--store-type", "rbd")
    assert (said["disk_format"], said["method"], said["stored_format"]) == ("raw", "direct", "raw")
    later = prepared(disk, "ceph again", "--dry-run")
    assert (later["disk_format"], "an earlier run" in later["format_reason"]) == ("raw", True)


@pytest.mark.parametrize("kind", ["raw", "qcow2", "compressed qcow2"])
def test_an_import_that_was_converted_is_remembered(kind: str, cloud: Devcloud, disk: Path) -> None:
    source = disk
    if kind != "raw":
        packed = ["-c"] if kind.startswith("compressed") else []
        source = convert(disk, disk.with_name("source.qcow2"), "raw", "qcow2", *packed)
    first = prepared(source, f"first {kind}", "--method", "import")
    assert (first["disk_format"], first["stored_format"]) == ("qcow2", "raw")
    # Glance keeps the other bytes of the second disk apart from the first one's
    second = prepared(source, f"second {kind}", "--store", "slow")
    assert (second["method"], second["stored_format"]) == ("import", "raw")
    assert "made raw images of earlier imports" in second["format_reason"]
    assert images_named(f"second {kind}")[0]["size"] == 24 << 20
    direct = prepared(source, f"third {kind}", "--method", "direct", "--dry-run")
    assert (direct["method"], direct["disk_format"]) == ("direct", "qcow2")


def test_other_options_decide(cloud: Devcloud, disk: Path, tmp_path: Path) -> None:
    for options, chosen in (
        (["-c"], "qcow2"),
        (["-O", "qcow2"], "qcow2"),
        (["-O", "raw"], "raw"),
        (["--cluster-size", "2M"], "qcow2"),
        (["--keep", str(tmp_path / "kept.raw")], "raw"),
    ):
        found = prepared(disk, "other", "--store-type", "rbd", "--dry-run", *options)
        assert (found["disk_format"], found["format_reason"]) == (chosen, None)


def test_a_dry_run_needs_no_cloud(cloud: Devcloud, disk: Path) -> None:
    found = prepared(disk, "nowhere", "--dry-run", cloud="no-such-cloud")
    assert found["disk_format"] == "qcow2"
    assert "no-such-cloud could not be asked" in found["format_reason"]
    found = prepared(disk, "nowhere", "--dry-run", "--store-type", "rbd", cloud="no-such-cloud")
    assert found["disk_format"] == "raw"


def test_several_images_take_the_choice_too(cloud: Devcloud, disk: Path, tmp_path: Path) -> None:
    other = disk.with_name("other.raw")
    other.write_bytes(disk.read_bytes()[:-512] + b"x" * 512)
    words = ("--policy", "data", "--cloud", "devcloud-member", "--store-type", "rbd", "--output", "json")
    run = imgtool("prepare", disk, other, *words)
    assert run.returncode == 0, run.stderr + run.stdout
    assert [images_named(path.stem)[0]["disk_format"] for path in (disk, other)] == ["raw", "raw"]


def test_raw_with_its_zeros_is_told_before(cloud: Devcloud, disk: Path) -> None:
    run = imgtool("prepare", disk, "--policy", "data", "-O", "raw", "--cloud", "devcloud", "--dry-run")
    assert "cost     24.0 MiB will be sent for" in run.stderr
