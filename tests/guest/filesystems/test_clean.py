"""Whether a file system was unmounted, by what its own superblock says."""

import io
import subprocess
from pathlib import Path

import pytest
from support.damage import damaged
from support.fixtures import fixture_path

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.clean import read_clean
from imgtool.model.facts import Known

EXT, BTRFS, BTRFS_START = 1024, 64 << 10, 64 << 20
SIZE = 16 << 20


def made(tmp_path: Path, kind: str, *options: str) -> Path:
    volume = tmp_path / "volume"
    volume.touch()
    size = {"xfs": 300, "btrfs": 120}.get(kind, 40) << 20
    with volume.open("r+b") as file:
        file.truncate(size)
    subprocess.run([f"mkfs.{kind}", *options, volume], check=True, capture_output=True)
    return volume


def clean(volume: Path, kind: str, changes: dict[int, bytes] | None = None) -> Known[bool]:
    return read_clean(kind, damaged(volume.open("rb"), changes or {}), volume.stat().st_size)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("ext2", ()),
        ("ext3", ()),
        ("ext4", ()),
        ("xfs", ()),
        ("btrfs", ()),
        ("vfat", ("-F", "12")),
        ("vfat", ("-F", "32")),
    ],
)
def test_what_mkfs_makes_is_clean(kind: str, options: tuple[str, ...], tmp_path: Path) -> None:
    fact = clean(made(tmp_path, kind, *options), kind)
    assert fact.value is True
    assert fact.evidence


@pytest.mark.parametrize(
    ("changes", "evidence"),
    [
        ({EXT + 0x60: bytes([0xC6])}, "needs_recovery"),
        ({EXT + 0x3A: b"\0\0"}, "not cleanly unmounted"),
        ({EXT + 0x3A: b"\3\0"}, "errors were detected"),
    ],
)
def test_ext4(changes: dict[int, bytes], evidence: str) -> None:
    fact = clean(fixture_path("bare-ext4"), "ext4", changes)
    assert fact.value is False
    assert evidence in fact.evidence


def test_btrfs_with_a_log_tree(tmp_path: Path) -> None:
    fact = clean(made(tmp_path, "btrfs"), "btrfs", {BTRFS + 0x60: (30 << 20).to_bytes(8, "little")})
    assert fact.value is False
    assert "log_root" in fact.evidence


@pytest.mark.parametrize(("bits", "state"), [("12", 37), ("16", 37), ("32", 65)])
def test_the_dirty_bit_of_fat(bits: str, state: int, tmp_path: Path) -> None:
    volume = made(tmp_path, "vfat", "-F", bits)
    assert clean(volume, "vfat", {state: b"\1"}).value is False
    assert clean(volume, "vfat", {(65 if state == 37 else 37): b"\1"}).value is True


@pytest.mark.parametrize("kind", ["swap", "LVM2_member", "squashfs", "iso9660"])
def test_what_is_never_in_use_is_clean(kind: str) -> None:
    assert read_clean(kind, io.BytesIO(b""), 0).value is True


@pytest.mark.parametrize("kind", ["crypto_LUKS", "f2fs", "linux_raid_member"])
def test_what_cannot_be_told_is_no_answer(kind: str) -> None:
    with pytest.raises(GuestReadError, match=kind):
        read_clean(kind, io.BytesIO(bytes(SIZE)), SIZE)
