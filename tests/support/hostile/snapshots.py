"""Internal snapshots whose tables cannot be, or are made to keep `qemu-img check` busy."""

import struct
from pathlib import Path

from support.hostile.rows import row
from support.images import create, patch, patch_u32, patch_u64, qemu_img, qemu_io, read_u64

CLUSTER = 64 << 10


def _with_snapshot(folder: Path) -> tuple[Path, int]:
    """An image with one, and where its entry in the snapshot table is."""
    path = create(folder / "x.qcow2")
    qemu_io(path, ["write -P 1 0 64k"])
    qemu_img("snapshot", "-c", "s1", path)
    return path, read_u64(path, 64)


@row("a snapshot's L1 table claims to be at offset 0")
def snapshot_l1_at_the_header(folder: Path, canary: Path) -> Path:
    path, entry = _with_snapshot(folder)
    return patch_u64(path, entry, 0)


@row("a snapshot's L1 table stands where another table does")
def snapshot_l1_at_the_active_one(folder: Path, canary: Path) -> Path:
    path, entry = _with_snapshot(folder)
    return patch_u64(path, entry, read_u64(path, 40))


@row("beyond the file's end")
def snapshot_l1_outside(folder: Path, canary: Path) -> Path:
    path, entry = _with_snapshot(folder)
    return patch_u64(path, entry, 1 << 50)


@row("more than 32 MiB together")
def snapshot_l1_giant(folder: Path, canary: Path) -> Path:
    path, entry = _with_snapshot(folder)
    return patch_u32(path, entry + 8, 0x7FFFFFFF)


@row("points beyond the file")
def snapshot_l1_entry_outside(folder: Path, canary: Path) -> Path:
    path, entry = _with_snapshot(folder)
    return patch_u64(path, read_u64(path, entry), 1 << 63 | 1 << 50)


@row("larger than QEMU allows")
def snapshot_with_endless_extra_data(folder: Path, canary: Path) -> Path:
    path, entry = _with_snapshot(folder)
    return patch_u32(path, entry + 36, 0xFFFFFFF0)


@row("tables are cut off|larger than QEMU allows")
def snapshots_beyond_the_file(folder: Path, canary: Path) -> Path:
    path, _ = _with_snapshot(folder)
    return patch_u32(path, 60, 60000)


@row("most of them are holes")
def snapshots_that_share_a_table(folder: Path, canary: Path) -> Path:
    """Each has an L1 table of its own, and all of these name one L2 table: 3000 times 64 KiB to walk."""
    path, entry = _with_snapshot(folder)
    l2_table = read_u64(path, read_u64(path, entry))
    place = -(-path.stat().st_size // CLUSTER) * CLUSTER
    count = 3000
    table = b"".join(_entry(place + (100 + number) * CLUSTER) for number in range(count))
    patch_u64(patch_u32(patch(path, place, table), 60, count), 64, place)
    with path.open("r+b") as file:
        for number in range(count):
            file.seek(place + (100 + number) * CLUSTER)
            file.write(l2_table.to_bytes(8, "big"))
        file.truncate(place + (100 + count) * CLUSTER)
    return path


def _entry(l1_table: int) -> bytes:
    fixed = struct.pack(">QIHHIIQII", l1_table, 1, 1, 1, 0, 0, 0, 0, 16)
    return (fixed + struct.pack(">QQ", 0, 1 << 20) + b"11").ljust(64, b"\0")
