"""Disks in OVAs and in VMDKs of two files, by every command: as the same disk alone, read where it stands."""

import hashlib
import json
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cli import IMGTOOL, assert_clean_failure, imgtool
from support.fixtures import fixture_path
from support.hostile.vmdk_pairs import vmdk_pair
from support.images import convert, qemu_img, stream_optimized_vmdk
from support.ovas import ova, stream_ova
from support.traced import traced

from imgtool.convert.digest import background_digest
from imgtool.convert.payload import open_payload
from imgtool.formats import admit
from imgtool.util.progress import NullProgress

DISK = "ext4-gpt"
KINDS = ("x.ova", "x.vmdk", "x-flat.vmdk")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One disk as an OVA and as a pair."""
    folder = tmp_path_factory.mktemp("made")
    stream_ova(folder / "x.ova", fixture_path(DISK))
    vmdk_pair(folder, bytes(512))
    subprocess.run(["cp", "--sparse=always", fixture_path(DISK), folder / "x-flat.vmdk"], check=True)
    text = (folder / "x.vmdk").read_text()
    sectors = fixture_path(DISK).stat().st_size // 512
    (folder / "x.vmdk").write_text(text.replace("RW 1 ", f"RW {sectors} "))
    return folder


@pytest.fixture
def here(made: Path, tmp_path: Path) -> Iterator[Path]:
    """A folder of its own with all of them."""
    folder = tmp_path / "in"
    subprocess.run(["cp", "-a", "--sparse=always", made, folder], check=True)
    yield folder
    assert sorted(os.listdir(folder)) == sorted(KINDS)


def json_of(*arguments: str | Path) -> dict[str, Any]:
    run = imgtool(*arguments, "--output", "json")
    assert run.stdout, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def same(target: Path, target_format: str = "raw") -> bool:
    return "identical" in qemu_img("compare", "-f", "raw", "-F", target_format, fixture_path(DISK), target)


@pytest.mark.parametrize("kind", KINDS)
def test_inspect(kind: str, here: Path) -> None:
    found, alone = json_of("inspect", here / kind), json_of("inspect", fixture_path(DISK))
    member = "x-disk1.vmdk" if kind == "x.ova" else "x-flat.vmdk"
    assert found["guest"] == alone["guest"]
    assert found["image"]["path"] == str(here / kind)
    assert found["image"]["member"] == member
    assert found["image"]["container"] == ("ova" if kind == "x.ova" else "vmdk")
    assert (alone["image"]["container"], alone["image"]["member"]) == (None, None)
    assert member in imgtool("inspect", here / kind).stdout


@pytest.mark.parametrize("kind", KINDS)
def test_check(kind: str, here: Path) -> None:
    (found,), (alone,) = (json_of("check", one)["results"] for one in (here / kind, fixture_path(DISK)))
    assert found["image"] == str(here / kind)
    outcomes = [{one["check"]: one["outcome"] for one in result["findings"]} for result in (found, alone)]
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("kind", KINDS)
def test_convert_opens_these_files_only(kind: str, here: Path, tmp_path: Path) -> None:
    """In place: no other program, no temporary file."""
    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / "disk.raw"
    found = traced("convert", here / kind, target, "-p", "never", trace=tmp_path / "trace", cwd=here)
    assert found.run.returncode == 0, found.run.stderr
    files = {"x.ova"} if kind == "x.ova" else {"x.vmdk", "x-flat.vmdk"}
    assert found.read - {str(here), str(target.parent), str(target)} == {str(here / one) for one in files}
    assert {Path(path).parent for path in found.written} <= {target.parent, tmp_path}
    assert found.executed == ()
    assert same(target)


@pytest.mark.parametrize("options", [("--engine", "qemu-img"), ("--verify", "full"), ("-c",)])
@pytest.mark.parametrize("kind", KINDS)
def test_convert_with(options: tuple[str, ...], kind: str, here: Path, tmp_path: Path) -> None:
    run = imgtool("convert", here / kind, tmp_path / "x.qcow2", *options)
    assert run.returncode == 0, run.stderr
    assert same(tmp_path / "x.qcow2", "qcow2")


@pytest.mark.parametrize("command", ["inspect", "convert"])
def test_an_ova_from_a_pipe(command: str, here: Path, tmp_path: Path) -> None:
    argv = [
        IMGTOOL,
        command,
        "-",
        *([tmp_path / "x.raw"] if command == "convert" else []),
        "--output",
        "json",
    ]
    with subprocess.Popen(["cat", here / "x.ova"], stdout=subprocess.PIPE) as cat:
        run = subprocess.run(argv, stdin=cat.stdout, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    image = json.loads(run.stdout)["image" if command == "inspect" else "source"]
    assert (image["path"], image["container"], image["member"]) == ("-", "ova", "x-disk1.vmdk")
    assert command == "inspect" or same(tmp_path / "x.raw")


def test_a_descriptor_from_a_pipe_has_no_folder(here: Path) -> None:
    run = imgtool("inspect", "-", stdin=(here / "x.vmdk").read_text())
    assert_clean_failure(run, 3, "names other files")


@pytest.mark.parametrize("kind", KINDS)
def test_prepare(kind: str, here: Path) -> None:
    story = json_of("prepare", here / kind, "--cloud", "none-such", "--dry-run")
    assert story["inspection"]["image"]["path"] == str(here / kind)
    assert story["result"]["findings"]


def test_upload_takes_no_ova(here: Path) -> None:
    run = imgtool("upload", here / "x.ova", "--cloud", "none-such", "--dry-run")
    assert_clean_failure(run, 2, "it is an OVA", f"imgtool prepare {here / 'x.ova'}")


@pytest.mark.parametrize("kind", ["x.vmdk", "x-flat.vmdk"])
def test_upload_takes_the_data_of_a_pair_as_a_raw_disk(kind: str, here: Path) -> None:
    plan = json_of("upload", here / kind, "--cloud", "none-such", "--dry-run")
    assert plan["disk_format"] == "raw"
    with open_payload(admit(here / kind), "raw", NullProgress()) as payload:
        sent = b"".join(map(bytes, payload.chunks()))
    assert sent == fixture_path(DISK).read_bytes()


@pytest.mark.parametrize("image_format", ["raw", "qcow2", "vmdk"])
def test_what_is_sent_of_an_ova_is_its_disk(image_format: str, tmp_path: Path) -> None:
    inner = convert(fixture_path("data-disk"), tmp_path / "inner", "raw", image_format)
    image = admit(ova(tmp_path / "x.ova", {"disk": inner.read_bytes()}))
    with open_payload(image, image_format, NullProgress()) as payload:
        assert b"".join(map(bytes, payload.chunks())) == inner.read_bytes()


@pytest.mark.parametrize(
    ("kind", "hashed"), [*zip(KINDS, ("x.ova", "x-flat.vmdk", "x-flat.vmdk"), strict=True)]
)
def test_the_hash_is_of_the_file_that_has_the_disk(kind: str, hashed: str, here: Path) -> None:
    with background_digest(admit(here / kind)) as digest:
        assert digest is not None
        assert digest.value() == hashlib.sha256((here / hashed).read_bytes()).hexdigest()


@pytest.mark.parametrize("kind", KINDS)
def test_a_disk_that_is_written_meanwhile_is_refused(kind: str, here: Path, tmp_path: Path) -> None:
    """By a virtual machine that runs: of a pair, it has the data open."""
    with (here / ("x.ova" if kind == "x.ova" else "x-flat.vmdk")).open("r+b"):
        run = imgtool("convert", here / kind, tmp_path / "x.qcow2")
    assert_clean_failure(run, 3, f"{here / kind}: another program has it open for writing")


SAYS = b"the disk in the archive"
PRINTS = bytes.fromhex("31c08ed8 baf803 be137c fc ac 84c0 74fe ee ebf8") + b"\r\n" + SAYS + b"\r\n\0"
"""A boot sector that writes to the first serial port: `lodsb` and `out dx, al`, until it is zero."""


@pytest.mark.parametrize("kind", ["x.ova", "x.vmdk"])
def test_boot_starts_that_disk(kind: str, tmp_path: Path) -> None:
    partition = struct.pack("<BxxxBxxxII", 0x80, 0x83, 1, 2047)
    sector = PRINTS.ljust(446, b"\0") + partition.ljust(64, b"\0") + b"\x55\xaa"
    raw = tmp_path / "disk.raw"
    raw.write_bytes(sector.ljust(1 << 20, b"\0"))
    image = stream_ova(tmp_path / kind, raw) if kind == "x.ova" else vmdk_pair(tmp_path, raw.read_bytes())
    log = tmp_path / "log"
    run = imgtool("boot", image, "--accel", "tcg", "--timeout", "10", "--keep-log", log)
    assert run.returncode == 1, run.stderr
    assert SAYS in log.read_bytes()


def test_a_batch(here: Path, tmp_path: Path) -> None:
    """One disk of two, a pair, and the whole again: what is done is not done twice."""
    vmdk = stream_optimized_vmdk(fixture_path(DISK), tmp_path / "inner").read_bytes()
    ova(tmp_path / "two.ova", {"a.vmdk": vmdk, "b c.vmdk": vmdk[:512]})
    shutil.copytree(here, tmp_path / "store")
    (tmp_path / "m.yaml").write_text(
        "defaults: {output: out/}\n"
        "images:\n  - {source: two.ova, disk: a.vmdk}\n  - store/*.vmdk\n"
        "  - {source: store/x.ova, name: whole}\n  - {source: two.ova, name: none}\n"
    )
    (tmp_path / "out").mkdir()
    for state in ("done", "skipped"):
        images = json_of("batch", tmp_path / "m.yaml")["images"]
        assert {one["name"]: one["state"] for one in images} == {
            "two": state, "x": state, "whole": state, "none": "refused",
        }  # fmt: skip
    assert "2 disks" in next(one["error"]["message"] for one in images if one["name"] == "none")
    assert all(same(tmp_path / "out" / f"{name}.qcow2", "qcow2") for name in ("two", "x", "whole"))


def test_options_about_disks(here: Path, tmp_path: Path) -> None:
    assert_clean_failure(imgtool("inspect", here / "x.ova", "--disk", "y"), 2, "no disk 'y'", "x-disk1.vmdk")
    assert_clean_failure(imgtool("inspect", here / "x.vmdk", "--disk", "y"), 2, "it is no OVA")
    chosen = ("--disk", "x-disk1.vmdk")
    assert json_of("inspect", here / "x.ova", *chosen)["image"]["member"] == "x-disk1.vmdk"
    assert json_of("convert", here / "x.ova", tmp_path / "x.qcow2", *chosen)["source"]["container"] == "ova"
