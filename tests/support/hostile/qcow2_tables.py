"""qcow2 tables that stand where they cannot, or point there."""

from array import array
from collections.abc import Sequence
from pathlib import Path

from support.hostile.rows import patched, row
from support.images import create, patch_u64, qemu_img, qemu_io, read_u64


def _first_l1_entry(folder: Path, value: int) -> Path:
    path = create(folder / "x.qcow2")
    qemu_io(path, ["write -P 1 0 64k"])
    return patch_u64(path, read_u64(path, 40), value)


@row("beyond the file's end")
def l1_entry_outside(folder: Path, canary: Path) -> Path:
    return _first_l1_entry(folder, 1 << 63 | 1 << 40)


@row("not at a cluster's start")
def l1_entry_unaligned(folder: Path, canary: Path) -> Path:
    return _first_l1_entry(folder, 1 << 63 | 262144 + 512)


@row("not at a cluster's start|reserved bits")
def l1_entry_with_reserved_bits(folder: Path, canary: Path) -> Path:
    return _first_l1_entry(folder, 1 << 60 | 262144)


@row("points at the header or at a table")
def l1_entry_at_the_l1_table(folder: Path, canary: Path) -> Path:
    path = create(folder / "x.qcow2")
    qemu_io(path, ["write -P 1 0 64k"])
    return patch_u64(path, read_u64(path, 40), 1 << 63 | read_u64(path, 40))


@row("points at the header or at a table")
def l1_entry_at_the_refcount_table(folder: Path, canary: Path) -> Path:
    path = create(folder / "x.qcow2")
    qemu_io(path, ["write -P 1 0 64k"])
    return patch_u64(path, read_u64(path, 40), 1 << 63 | read_u64(path, 48))


@row("points at the header or at a table")
def l1_entry_at_a_refcount_block(folder: Path, canary: Path) -> Path:
    path = create(folder / "x.qcow2", "qcow2", "1G")
    return patch_u64(path, read_u64(path, 40) + 8, 1 << 63 | read_u64(path, read_u64(path, 48)))


@row("the same entry twice")
def l1_entries_that_share_a_table(folder: Path, canary: Path) -> Path:
    path = create(folder / "x.qcow2", "qcow2", "2G")
    qemu_io(path, ["write -P 1 0 64k"])
    table = read_u64(path, 40)
    return patch_u64(path, table + 8, read_u64(path, table))


@row("L1 table claims to be at offset 0")
def l1_table_at_the_header(folder: Path, canary: Path) -> Path:
    return patched(folder, 40, 0, 8)


@row("L1 table claims to be at offset 65537")
def l1_table_unaligned(folder: Path, canary: Path) -> Path:
    return patched(folder, 40, 65537, 8)


@row("L1 table lies beyond")
def l1_table_outside(folder: Path, canary: Path) -> Path:
    return patched(folder, 40, 1 << 50, 8)


@row("refcount table claims 4294967295 clusters")
def giant_refcount_table(folder: Path, canary: Path) -> Path:
    return patched(folder, 56, 0xFFFFFFFF)


@row("refcount table lies beyond")
def refcount_table_outside(folder: Path, canary: Path) -> Path:
    return patched(folder, 48, 1 << 50, 8)


@row("tables point beyond")
def refcount_block_outside(folder: Path, canary: Path) -> Path:
    path = create(folder / "x.qcow2")
    return patch_u64(path, read_u64(path, 48), 1 << 50)


@row("refcount table points at the header or at a table")
def refcount_block_at_the_refcount_table(folder: Path, canary: Path) -> Path:
    path = create(folder / "x.qcow2")
    return patch_u64(path, read_u64(path, 48) + 8, read_u64(path, 48))


@row("refcount table .* holds the same entry twice")
def refcount_blocks_that_are_one(folder: Path, canary: Path) -> Path:
    path = create(folder / "x.qcow2")
    return patch_u64(path, read_u64(path, 48) + 8, read_u64(path, read_u64(path, 48)))


@row("refcount table stands where another table does")
def refcount_table_at_the_l1_table(folder: Path, canary: Path) -> Path:
    path = create(folder / "x.qcow2")
    qemu_io(path, ["write -P 1 0 64k"])
    return patch_u64(path, 48, read_u64(path, 40))


@row("snapshot table stands where another table does")
def snapshot_table_at_the_l1_table(folder: Path, canary: Path) -> Path:
    path = create(folder / "x.qcow2")
    qemu_img("snapshot", "-c", "s1", path)
    return patch_u64(path, 64, read_u64(path, 40))


@row("claims 4294967295 snapshots")
def too_many_snapshots(folder: Path, canary: Path) -> Path:
    return patched(folder, 60, 0xFFFFFFFF)


@row("snapshot table lies beyond")
def snapshot_table_outside(folder: Path, canary: Path) -> Path:
    path = create(folder / "x.qcow2")
    qemu_img("snapshot", "-c", "s1", path)
    return patch_u64(path, 64, 1 << 50)


def with_giant_l1(path: Path, clusters: Sequence[int]) -> Path:
    """4 million L1 entries, the most that is allowed; the file ends where the last of them may point."""
    entries = array("Q", [1 << 63 | cluster << 12 for cluster in clusters])
    entries.byteswap()
    with create(path, "qcow2", "8T", "cluster_size=4k").open("r+b") as file:
        l1_table = read_u64(path, 40)
        assert l1_table + len(entries) * 8 <= path.stat().st_size
        file.seek(l1_table)
        entries.tofile(file)
        file.truncate(24 << 22 << 10)
    return path
