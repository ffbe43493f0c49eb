"""What no partition holds: left out, and all kept that a boot, a table or a container needs."""

import subprocess
from pathlib import Path

import pytest
from support.filled import MARKER, MIB, command, empty, free_blocks, runs

from imgtool.model.free_blocks import FreePart
from imgtool.util.ranges import Ranges

SECTOR = 512


def partitioned(path: Path, script: str, size: int = 64 * MIB) -> Path:
    """A disk whose every byte is marked, with a table by sfdisk over it."""
    path.write_bytes((MARKER * (size // len(MARKER) + 1))[:size])
    subprocess.run(
        ["sfdisk", "-q", "--wipe", "never", path],
        input=script,
        encoding="utf-8",
        check=True,
        capture_output=True,
    )
    return path


def between(disk: Path) -> tuple[FreePart, Ranges]:
    found = free_blocks(disk)
    (part,) = (one for one in found.parts if one.type == "unpartitioned")
    return part, runs(found, disk)


GPT = "label: gpt\nstart=8192, size=8192\nstart=40960, size=8192, type=L\n"


def test_between_and_behind_partitions(tmp_path: Path) -> None:
    disk = partitioned(tmp_path / "disk", GPT)
    part, free = between(disk)
    assert part == FreePart("disk", "unpartitioned", 64 * MIB - 2 * 4 * MIB, free.total)
    assert list(free) == [(16384 * SECTOR, 40960 * SECTOR), (49152 * SECTOR, 63 * MIB)]


def test_a_backup_that_a_larger_disk_left_behind_is_kept(tmp_path: Path) -> None:
    disk = partitioned(tmp_path / "disk", GPT)
    with disk.open("r+b") as file:
        file.truncate(128 * MIB)
    _, free = between(disk)
    assert not free.touches(64 * MIB - 33 * SECTOR, 64 * MIB)
    assert free.touches(63 * MIB, 64 * MIB - 34 * SECTOR)
    assert "problem" not in command("sgdisk", "-v", disk).replace("1 problem", "")


def test_an_extended_partition_is_kept_with_all_its_boot_records(tmp_path: Path) -> None:
    script = "label: dos\nstart=2048, size=8192\nstart=20480, size=40960, type=5\nstart=24576, size=4096\n"
    disk = partitioned(tmp_path / "disk", script + "start=40960, size=4096\n")
    _, free = between(disk)
    assert list(free) == [(10240 * SECTOR, 20480 * SECTOR), (61440 * SECTOR, 63 * MIB)]


@pytest.mark.parametrize(
    ("offset", "content", "reason"),
    [
        (32768, b"\1CD001\1", "begins as iso9660"),
        (446 + 4, b"\x42", "dynamic disk"),
        (65536 + 64, b"_BHRfS_M", "begins as btrfs"),
    ],
)
def test_a_disk_that_is_something_else_besides_is_kept(
    offset: int, content: bytes, reason: str, tmp_path: Path
) -> None:
    disk = partitioned(tmp_path / "disk", "label: dos\nstart=2048, size=8192\n")
    with disk.open("r+b") as file:
        file.seek(offset)
        file.write(content)
    command("mke2fs", "-q", "-F", "-E", f"offset={2048 * SECTOR}", disk, "4096k")
    found = free_blocks(disk)
    assert [reason in str(part.reason) for part in found.parts] == [True, True]
    assert not found.free_bytes


def test_without_a_table_nothing_is_between(tmp_path: Path) -> None:
    disk = empty(tmp_path / "disk", 4 * MIB)
    assert [part.reason for part in free_blocks(disk).parts] == ["nothing known is on it"]


def test_partitions_that_overlap_are_kept(tmp_path: Path) -> None:
    disk = partitioned(tmp_path / "disk", "label: dos\nstart=2048, size=40960\nstart=61440, size=40960\n")
    for start in (2048, 61440):
        command("mke2fs", "-q", "-F", "-E", f"offset={start * SECTOR}", disk, "20480k")
    assert [part.reason for part in free_blocks(disk).parts] == [None, None, None]
    with disk.open("r+b") as file:
        file.seek(446 + 16 + 8)
        file.write((30720).to_bytes(4, "little"))
    assert [part.reason for part in free_blocks(disk).parts[:1]] == ["another volume overlaps it"]
