"""What a Glance does to an import by its plugins: what it converts is proven by the disk in what was sent."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from support.cli import imgtool
from support.cloud import Devcloud, cloud_with
from support.glance_client import images_named
from support.images import convert, create, qemu_io

PARTS = ["", "conversion", "decompression", "decompression,conversion", "metadata"]
STORES = [(), ("--store", "slow"), ("--all-stores",)]
LIAR = """#!/bin/sh
# Converts, and changes the disk in one byte.
{real} "$@" || exit
if [ "$1" = convert ]; then
    for target; do :; done
    printf X | dd of="$target" bs=1 seek=3145728 conv=notrunc status=none
fi
"""


Kind = Callable[[Path], tuple[Path, tuple[str, ...]]]
KINDS: dict[str, Kind] = {
    "raw as it is": lambda disk: (disk, ()),
    "qcow2 as it is": lambda disk: (convert(disk, disk.with_suffix(".qcow2"), "raw", "qcow2"), ()),
    "compressed qcow2": lambda disk: (compressed(disk), ()),
    "VMDK": lambda disk: (convert(disk, disk.with_suffix(".vmdk"), "raw", "vmdk"), ()),
    "qcow2 made on the way": lambda disk: (disk, ("-O", "qcow2")),
}
"""Of a raw disk: what is sent, and the options besides."""


def compressed(disk: Path) -> Path:
    return convert(disk, disk.with_suffix(".qcow2"), "raw", "qcow2", "-c")


@pytest.fixture(scope="module", params=PARTS, ids=lambda parts: parts or "none")
def parts(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture(scope="module")
def running(parts: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devcloud]:
    with cloud_with(parts, tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture
def cloud(running: Devcloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Devcloud:
    running.enter(monkeypatch, tmp_path)
    return running


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A raw disk of 24 MiB, most of it holes."""
    path = create(tmp_path / "disk.raw", "raw", "24M")
    qemu_io(path, ["write -P 7 1M 3M", "write -P 9 20M 1M"], "raw")
    path.write_bytes(os.urandom(512) + path.read_bytes()[512:])
    return path


def sha512(path: Path) -> str:
    return hashlib.sha512(path.read_bytes()).hexdigest()


def deliver(path: Path, name: str, *options: str) -> "subprocess.CompletedProcess[str]":
    chosen = ("--cloud", "devcloud-member", "--name", name, "--output", "json", *options)
    if "-O" in options:
        return imgtool("prepare", path, "--policy", "data", *chosen)
    return imgtool("upload", path, *chosen)


def delivered(path: Path, name: str, *options: str) -> dict[str, Any]:
    run = deliver(path, name, *options)
    assert run.returncode == 0, run.stderr + run.stdout
    document: dict[str, Any] = json.loads(run.stdout)
    return document.get("upload") or document


@pytest.mark.parametrize(("kind", "stores"), zip(KINDS, cycle(STORES)))
def test_an_import_is_proven(
    kind: str, stores: tuple[str, ...], parts: str, cloud: Devcloud, disk: Path
) -> None:
    path, options = KINDS[kind](disk)
    found = delivered(path, kind, "--method", "import", *stores, *options)
    (there,) = images_named(kind)
    assert there["status"] == "active"
    assert found["os_hash_value"] == there["os_hash_value"]
    assert found["stored_format"] == there["disk_format"]
    if "conversion" in parts or kind == "raw as it is":
        assert there["disk_format"] == "raw"
        assert (there["size"], there["os_hash_value"]) == (24 << 20, sha512(disk))
    elif "-O" not in options:
        assert there["os_hash_value"] == sha512(path)
    assert ("devcloud_injected" in there) == ("metadata" in parts)


def test_a_direct_upload_is_never_converted(cloud: Devcloud, disk: Path) -> None:
    path = compressed(disk)
    assert delivered(path, "direct", "--method", "direct")["stored_format"] == "qcow2"
    assert images_named("direct")[0]["os_hash_value"] == sha512(path)


def test_the_same_again_is_already_there(cloud: Devcloud, disk: Path) -> None:
    path = compressed(disk)
    first = delivered(path, "again", "--method", "import")
    second = delivered(path, "again", "--method", "import")
    assert (first["ending"], second["ending"]) == ("uploaded", "already-there")
    assert second["image_id"] == first["image_id"]
    third = delivered(
        create(disk.with_name("other.qcow2"), "qcow2", "24M"),
        "again",
        "--method",
        "import",
        "--on-conflict",
        "replace",
    )
    assert third["replaced"] == [first["image_id"]]
    (there,) = [one for one in images_named("again") if not one["os_hidden"]]
    assert there["id"] == third["image_id"]


def test_a_glance_that_converts_to_another_disk_keeps_nothing(
    disk: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    liar = programs / "qemu-img"
    liar.write_text(LIAR.format(real=shutil.which("qemu-img")))
    liar.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    with cloud_with("conversion", tmp_path) as lying:
        monkeypatch.undo()
        lying.enter(monkeypatch, tmp_path)
        refused = deliver(compressed(disk), "a lie", "--method", "import")
        assert refused.returncode == 5, refused.stderr
        assert "what Glance has is not what was sent: sha512 is" in refused.stdout
        assert images_named("a lie") == []
