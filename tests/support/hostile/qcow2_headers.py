"""qcow2 headers that cannot be, or claim too much, and files that are cut off."""

import struct
from pathlib import Path

from support.hostile.rows import INCOMPATIBLE, patched, row
from support.images import create, patch, qemu_io, read_u64


@row("version 1")
def qcow_version_1(folder: Path, canary: Path) -> Path:
    return create(folder / "x.qcow", "qcow")


@row("version 4")
def qcow2_version_4(folder: Path, canary: Path) -> Path:
    return patched(folder, 4, 4)


@row("unknown incompatible feature bits")
def unknown_incompatible_feature(folder: Path, canary: Path) -> Path:
    return patched(folder, INCOMPATIBLE, 1 << 5, 8)


@row("keeps its data in another file")
def raw_data_file_that_is_not_there(folder: Path, canary: Path) -> Path:
    return patched(folder, 88, 2, 8)


@row("unknown incompatible feature bits")
def unknown_incompatible_feature_63(folder: Path, canary: Path) -> Path:
    return patched(folder, INCOMPATIBLE, 1 << 63, 8)


@row("extended L2")
def extended_l2(folder: Path, canary: Path) -> Path:
    return create(folder / "x.qcow2", "qcow2", "1M", "extended_l2=on")


@row("marked as corrupt")
def corrupt_bit(folder: Path, canary: Path) -> Path:
    return patched(folder, INCOMPATIBLE, 2, 8)


@row("marked as in use")
def dirty_bit(folder: Path, canary: Path) -> Path:
    return patched(folder, INCOMPATIBLE, 1, 8)


@row("is encrypted")
def encrypted_luks(folder: Path, canary: Path) -> Path:
    return patched(folder, 32, 2)


@row("is encrypted")
def encrypted_aes(folder: Path, canary: Path) -> Path:
    return patched(folder, 32, 1)


@row("L1 table claims")
def giant_l1(folder: Path, canary: Path) -> Path:
    return patched(folder, 36, 0x7FFFFFFF)


@row("L1 table is too small")
def no_l1(folder: Path, canary: Path) -> Path:
    return patched(folder, 36, 0)


@row(r"clusters would have 2\^63")
def impossible_cluster_bits(folder: Path, canary: Path) -> Path:
    return patched(folder, 20, 63)


@row(r"refcounts would have 2\^7")
def impossible_refcount_order(folder: Path, canary: Path) -> Path:
    return patched(folder, 96, 7)


@row("claims a length of 4294967288")
def impossible_header_length(folder: Path, canary: Path) -> Path:
    return patched(folder, 100, 0xFFFFFFF8)


@row("header extension .* is too long")
def endless_extension(folder: Path, canary: Path) -> Path:
    return patch(create(folder / "x.qcow2"), 112, struct.pack(">II", 0x6803F857, 0xFFFFFFF0))


@row("compressed by an unknown method")
def unknown_compression(folder: Path, canary: Path) -> Path:
    return patch(create(folder / "x.qcow2"), 104, b"\x09")


@row("contradict each other")
def compression_type_without_its_bit(folder: Path, canary: Path) -> Path:
    return patch(create(folder / "x.qcow2"), 104, b"\x01")


@row("claims a disk of")
def absurd_virtual_size(folder: Path, canary: Path) -> Path:
    return patched(folder, 24, 1 << 62, 8)


@row("claims a disk of 60.0 PiB")
def virtual_size_that_qemu_opens(folder: Path, canary: Path) -> Path:
    return create(folder / "x.qcow2", "qcow2", "60P", "cluster_size=2M")


@row("no bytes at all")
def no_virtual_size(folder: Path, canary: Path) -> Path:
    return patched(folder, 24, 0, 8)


@row("cut off")
def truncated(folder: Path, canary: Path) -> Path:
    path = create(folder / "x.qcow2")
    qemu_io(path, ["write -P 1 0 1M"])
    with path.open("r+b") as file:
        file.truncate(70000)
    return path


@row("cut off")
def truncated_behind_the_l1_table(folder: Path, canary: Path) -> Path:
    path = create(folder / "x.qcow2")
    qemu_io(path, ["write -P 1 0 1M"])
    with path.open("r+b") as file:
        file.truncate(read_u64(path, 40) + 8)
    return path


@row("cut off")
def truncated_header(folder: Path, canary: Path) -> Path:
    path = create(folder / "x.qcow2")
    with path.open("r+b") as file:
        file.truncate(80)
    return path
