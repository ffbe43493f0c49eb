"""--sparsify as users meet it: from a disk that the kernel filled to images without what was deleted."""

import gzip
import hashlib
import json
from pathlib import Path

import pytest
from support.cli import assert_clean_failure, imgtool
from support.cloud import Devcloud
from support.filled import MARKER, MIB, command, empty, fill, mounted, tree
from support.images import convert as by_qemu

FIRST, FIRST_SIZE = 2 * MIB, 64 * MIB
SECOND, SECOND_SIZE = 100 * MIB, 8 * MIB
SIZE = 128 * MIB
IN_A_GAP = b"between the partitions, and of no use\n"


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT with an ext4, swap, and what was left behind between them."""
    path = empty(tmp_path_factory.mktemp("disk") / "disk.raw", SIZE)
    parts = [
        f"1:{FIRST // 512}:{(FIRST + FIRST_SIZE) // 512 - 1}",
        f"2:{SECOND // 512}:{(SECOND + SECOND_SIZE) // 512 - 1}",
    ]
    command("mke2fs", "-q", "-F", "-t", "ext4", "-E", f"offset={FIRST}", path, f"{FIRST_SIZE >> 10}k")
    command("sgdisk", *(word for part in parts for word in ("-n", part)), path)
    with mounted(path, start=FIRST, size=FIRST_SIZE) as top:
        fill(top, 11)
    swap = empty(path.with_name("swap"), SECOND_SIZE)
    command("mkswap", swap)
    with path.open("r+b") as file:
        file.seek(SECOND)
        file.write(swap.read_bytes()[:4096] + (MARKER * SECOND_SIZE)[: SECOND_SIZE - 4096])
        file.seek(90 * MIB)
        file.write(IN_A_GAP * 1000)
    return path


def is_as_it_was(found: Path, disk: Path) -> None:
    content = found.read_bytes()
    assert len(content) == SIZE
    assert MARKER * 2 not in content
    assert IN_A_GAP not in content
    command("sgdisk", "-v", found)
    volume = found.with_name("volume")
    volume.write_bytes(content[FIRST : FIRST + FIRST_SIZE])
    command("e2fsck", "-fn", volume)
    with mounted(volume, "ro") as now:
        after = tree(now)
    with mounted(disk, "ro", FIRST, FIRST_SIZE) as top:
        assert after == tree(top)
    assert content[SECOND : SECOND + 4096] == disk.read_bytes()[SECOND : SECOND + 4096]


@pytest.mark.parametrize(
    ("source_format", "options"),
    [
        ("raw", ("-O", "raw")),
        ("raw", ("-c",)),
        ("qcow2", ("-c", "zstd", "--cluster-size", "4k")),
        ("vmdk", ("-O", "raw")),
        ("gz", ()),
    ],
)
def test_what_was_deleted_is_nowhere_and_all_else_is_as_it_was(
    source_format: str, options: tuple[str, ...], disk: Path, tmp_path: Path
) -> None:
    source = disk
    if source_format == "gz":
        source = tmp_path / "disk.raw.gz"
        source.write_bytes(gzip.compress(disk.read_bytes(), 1))
    elif source_format != "raw":
        source = by_qemu(disk, tmp_path / f"disk.{source_format}", "raw", source_format)
    target = tmp_path / ("target.raw" if "raw" in options else "target.qcow2")
    done = imgtool("convert", "--sparsify", source, target, *options, "--output", "json")
    assert done.returncode == 0, done.stderr
    story = json.loads(done.stdout)
    assert [(one["device"], one["type"], one["reason"]) for one in story["left_out"]] == [
        ("partition 1", "ext4", None), ("partition 2", "swap", None), ("disk", "unpartitioned", None),
    ]  # fmt: skip
    assert story["left_out"][1]["free_bytes"] == SECOND_SIZE - 4096
    found = target if "raw" in options else by_qemu(target, tmp_path / "back.raw", "qcow2", "raw")
    is_as_it_was(found, disk)
    if "raw" in options:
        assert target.stat().st_blocks < disk.stat().st_blocks // 3


def test_the_same_bytes_for_any_source_and_number_of_threads(disk: Path, tmp_path: Path) -> None:
    qcow2 = by_qemu(disk, tmp_path / "disk.qcow2", "raw", "qcow2")
    for number, (source, threads) in enumerate([(disk, "1"), (disk, "4"), (qcow2, "2")]):
        target = tmp_path / f"{number}.qcow2"
        assert imgtool("convert", "--sparsify", "-c", "--threads", threads, source, target).returncode == 0
    first = (tmp_path / "0.qcow2").read_bytes()
    assert (tmp_path / "1.qcow2").read_bytes() == first
    assert (tmp_path / "2.qcow2").read_bytes() == first


def test_one_that_is_mounted_is_copied_whole(disk: Path, tmp_path: Path) -> None:
    dirty, target = tmp_path / "dirty.raw", tmp_path / "target.raw"
    command("cp", "--sparse=always", disk, dirty)
    with mounted(dirty, start=FIRST, size=FIRST_SIZE):
        command("cp", "--sparse=always", dirty, tmp_path / "copy.raw")
    done = imgtool("convert", "--sparsify", tmp_path / "copy.raw", target)
    assert done.returncode == 0, done.stderr
    assert "copied whole           partition 1 (ext4), 64.0 MiB: it was not unmounted" in done.stdout
    kept = (tmp_path / "copy.raw").read_bytes()[FIRST : FIRST + FIRST_SIZE]
    assert target.read_bytes()[FIRST : FIRST + FIRST_SIZE] == kept


def test_a_dry_run_says_what_would_be_left_out(disk: Path, tmp_path: Path) -> None:
    done = imgtool("convert", "--sparsify", "--dry-run", disk, tmp_path / "target.qcow2")
    assert "left out               partition 2 (swap): 8.0 MiB of 8.0 MiB are free" in done.stdout
    assert not (tmp_path / "target.qcow2").exists()


@pytest.mark.parametrize("options", [("--verify", "full"), ("--engine", "qemu-img")])
def test_what_cannot_be_is_refused(options: tuple[str, ...], disk: Path, tmp_path: Path) -> None:
    refused = imgtool("convert", "--sparsify", disk, tmp_path / "target.qcow2", *options)
    assert_clean_failure(refused, 2, "sparsify")


@pytest.mark.parametrize("way", ["manifest", "option"])
def test_a_batch(way: str, disk: Path, tmp_path: Path) -> None:
    key = "  sparsify: true\n" if way == "manifest" else ""
    manifest = tmp_path / "m.yaml"
    manifest.write_text(f"defaults:\n  output: out/\n{key}images:\n  - source: {disk}\n    name: one\n")
    (tmp_path / "out").mkdir()
    done = imgtool("batch", manifest, *(["--sparsify"] if way == "option" else []), "--output", "json")
    assert done.returncode == 0, done.stderr
    (target,) = (tmp_path / "out").iterdir()
    is_as_it_was(by_qemu(target, tmp_path / "back.raw", "qcow2", "raw"), disk)


def test_a_real_system_is_delivered_without_its_free_blocks(
    devcloud: Devcloud, debian_image: Path, name: str, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.qcow2"
    cloud = ("--cloud", "devcloud-member", "--name", name)
    done = imgtool("prepare", debian_image, *cloud, "--sparsify", "-c", "--keep", kept, "--output", "json")
    assert done.returncode == 0, done.stderr
    story = json.loads(done.stdout)
    by_type = {one["type"]: one for one in story["conversion"]["left_out"]}
    assert {kind: by_type[kind]["reason"] for kind in ("ext4", "vfat")} == {"ext4": None, "vfat": None}
    assert by_type["ext4"]["free_bytes"] > 500 * MIB
    assert story["upload"]["os_hash_value"] == hashlib.sha512(kept.read_bytes()).hexdigest()
    again = imgtool("check", kept, "--output", "json")
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize("target_format", ["raw", "qcow2"])
def test_free_blocks_are_left_out_while_the_disk_is_sent(
    target_format: str, devcloud: Devcloud, debian_image: Path, name: str, tmp_path: Path
) -> None:
    cloud = ("--cloud", "devcloud-member", "--name", name, "-O", target_format)
    done = imgtool("prepare", debian_image, *cloud, "--sparsify", "--output", "json")
    assert done.returncode == 0, done.stderr
    assert "no file to be made" in done.stderr
    story = json.loads(done.stdout)
    assert story["conversion"] is None
    assert {one["type"] for one in story["left_out"] if one["free_bytes"]} == {
        "vfat",
        "ext4",
        "unpartitioned",
    }
    there = tmp_path / f"there.{target_format}"
    made = imgtool("convert", "--sparsify", debian_image, there)
    assert made.returncode == 0, made.stderr
    assert story["upload"]["os_hash_value"] == hashlib.sha512(there.read_bytes()).hexdigest()
