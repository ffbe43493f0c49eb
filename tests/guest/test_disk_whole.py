"""Disks that were cut short: what the superblocks say against what is there, from the disk to the verdict."""

import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import pytest
from support import facts
from support.fixtures import fixture_path

from imgtool.checks.check import Verdict
from imgtool.checks.rules.disk_whole import examine
from imgtool.guest.inspect import inspect_disk
from imgtool.model.verdict import Outcome

MIB = 1 << 20


def verdict(disk: Path, size: int | None = None) -> Verdict:
    with disk.open("rb") as file:
        return examine(facts.inspection(guest=inspect_disk(file, size or disk.stat().st_size)))


@pytest.mark.parametrize(
    ("fixture", "cut", "said"),
    [
        ("ext4-gpt", 3 * MIB, "partition 1 goes on beyond the end of the disk"),
        ("mbr-logical", 6 * MIB, "partition 6 goes on beyond"),
        ("mbr-logical", 30 * MIB, "the ext4 on partition 5 is larger than its device"),
        (
            "bare-ext4",
            MIB,
            "larger than its device: 41943040 bytes (40.0 MiB) on 40894464",
        ),
        ("bare-ext3", 4096, "the ext3 on disk is larger"),
        ("xfs-v4", 4096, "the xfs on disk is larger"),
        ("btrfs-subvolumes", 4 * MIB, "the btrfs on partition 2 is larger"),
        ("lvm-xfs", 40 * MIB, "the LVM2_member on partition 3 is larger"),
        ("windows-2022", 20 * MIB, "the ntfs on partition 3 is larger"),
        ("xfs-gpt", 20 * MIB, "the xfs on partition 2 is larger"),
        ("data-disk", 40 * 512, "the kernel sees no partitions"),
    ],
)
def test_truncated(fixture: str, cut: int, said: str) -> None:
    disk = fixture_path(fixture)
    assert verdict(disk).outcome is Outcome.PASS
    found = verdict(disk, disk.stat().st_size - cut)
    assert found.outcome is Outcome.FAIL
    assert said in f"{found.message}; {found.evidence}"


def test_a_missing_backup_alone_is_a_note(tmp_path: Path) -> None:
    disk = tmp_path / "disk.raw"
    shutil.copyfile(fixture_path("ext4-gpt"), disk)
    with disk.open("r+b") as file:
        file.seek(-33 * 512, 2)
        file.write(bytes(33 * 512))
    found = verdict(disk)
    assert found.outcome is Outcome.PASS
    assert "written anew at the first resize" in found.message


@pytest.mark.parametrize("options", [("-F", "16"), ("-F", "32", "-s", "1")])
def test_a_fat_that_says_more(options: tuple[str, ...], tmp_path: Path) -> None:
    disk = tmp_path / "fat"
    disk.write_bytes(bytes(34 * MIB))
    subprocess.run(["mkfs.vfat", *options, disk], check=True, capture_output=True)
    assert verdict(disk).outcome is Outcome.PASS
    found = verdict(disk, 33 * MIB)
    assert "the vfat on disk is larger" in found.message
    assert "does not mount it" not in found.message


def test_a_larger_disk_than_its_file_systems_is_whole(tmp_path: Path) -> None:
    """What Nova makes of an image: the disk is as large as the flavor says."""
    disk = tmp_path / "disk.raw"
    shutil.copyfile(fixture_path("ext4-gpt"), disk)
    with disk.open("r+b") as file:
        file.truncate(disk.stat().st_size + 64 * MIB)
    assert verdict(disk).outcome is Outcome.PASS


def test_gpt_4096(tmp_path: Path) -> None:
    """A table for sectors of 4,096 bytes, as sgdisk writes it for such a disk."""

    content = fixture_path("data-disk").read_bytes()
    header = bytearray(content[512:604])
    header[16:20] = bytes(4)
    header[16:20] = struct.pack("<I", zlib.crc32(header))
    disk = tmp_path / "disk.raw"
    with disk.open("wb") as file:
        file.write(content[:512])
        file.seek(4096)
        file.write(header)
        file.seek(8192)
        file.write(content[1024 : 1024 + 128 * 128])
        file.truncate(144 * MIB)
    found = verdict(disk)
    assert found.outcome is Outcome.FAIL
    assert "sectors of 4096 bytes" in found.message
