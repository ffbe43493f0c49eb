"""Hostile images: one builder for each row of what the gate refuses. Each takes a folder and a canary file.

The canary stands for a file of the host that the image would like to read.
"""

import struct
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path

from support.images import (
    create,
    patch,
    patch_u32,
    patch_u64,
    qemu_img,
    qemu_io,
    read_u64,
    stream_optimized_vmdk,
)

Builder = Callable[[Path, Path], Path]

ROWS: dict[str, tuple[Builder, str]] = {}
"""Name to builder and what the refusal has to say (a regular expression)."""

INCOMPATIBLE = 72
DATA_EXTENSION = 0x44415441


def row(says: str) -> Callable[[Builder], Builder]:
    def register(builder: Builder) -> Builder:
        ROWS[builder.__name__] = (builder, says)
        return builder

    return register


def _patched(folder: Path, offset: int, value: int, width: int = 4, name: str = "x.qcow2") -> Path:
    path = create(folder / name)
    return (patch_u32 if width == 4 else patch_u64)(path, offset, value)


@row("backing file '.*canary'")
def backing_file(folder: Path, canary: Path) -> Path:
    path = folder / "x.qcow2"
    qemu_img("create", "-q", "-u", "-f", "qcow2", "-b", canary, "-F", "raw", path, "1M")
    return path


@row("backing file '.*canary'")
def backing_file_of_version_2(folder: Path, canary: Path) -> Path:
    path = folder / "x.qcow2"
    qemu_img("create", "-q", "-u", "-f", "qcow2", "-o", "compat=0.10", "-b", canary, "-F", "raw", path, "1M")
    return path


def _data_file(folder: Path, name: bytes) -> Path:
    path = folder / "x.qcow2"
    options = f"data_file={folder}/t,data_file_raw=on,preallocation=metadata"
    qemu_img("create", "-q", "-f", "qcow2", "-o", options, path, "1M")
    header = path.read_bytes()[:65536]
    at = header.index(struct.pack(">I", DATA_EXTENSION))
    padded = name + bytes(-len(name) % 8)
    return patch(path, at, struct.pack(">II", DATA_EXTENSION, len(name)) + padded + bytes(8))


@row("keeps its data in another file")
def external_data_file(folder: Path, canary: Path) -> Path:
    return _data_file(folder, bytes(canary))


@row("keeps its data in another file")
def external_data_file_json(folder: Path, canary: Path) -> Path:
    return _data_file(folder, b'json:{"driver":"file","filename":"%s"}' % bytes(canary))


@row("keeps its data in another file")
def external_data_file_without_its_bit(folder: Path, canary: Path) -> Path:
    return patch_u64(_data_file(folder, bytes(canary)), INCOMPATIBLE, 0)


@row("version 1")
def qcow_version_1(folder: Path, canary: Path) -> Path:
    return create(folder / "x.qcow", "qcow")


@row("version 4")
def qcow2_version_4(folder: Path, canary: Path) -> Path:
    return _patched(folder, 4, 4)


@row("features that nobody knows")
def unknown_incompatible_feature(folder: Path, canary: Path) -> Path:
    return _patched(folder, INCOMPATIBLE, 1 << 5, 8)


@row("features that nobody knows")
def unknown_incompatible_feature_63(folder: Path, canary: Path) -> Path:
    return _patched(folder, INCOMPATIBLE, 1 << 63, 8)


@row("extended L2")
def extended_l2(folder: Path, canary: Path) -> Path:
    return create(folder / "x.qcow2", "qcow2", "1M", "extended_l2=on")


@row("marked as corrupt")
def corrupt_bit(folder: Path, canary: Path) -> Path:
    return _patched(folder, INCOMPATIBLE, 2, 8)


@row("marked as in use")
def dirty_bit(folder: Path, canary: Path) -> Path:
    return _patched(folder, INCOMPATIBLE, 1, 8)


@row("is encrypted")
def encrypted_luks(folder: Path, canary: Path) -> Path:
    return _patched(folder, 32, 2)


@row("is encrypted")
def encrypted_aes(folder: Path, canary: Path) -> Path:
    return _patched(folder, 32, 1)


@row("L1 table claims")
def giant_l1(folder: Path, canary: Path) -> Path:
    return _patched(folder, 36, 0x7FFFFFFF)


@row("L1 table is too small")
def no_l1(folder: Path, canary: Path) -> Path:
    return _patched(folder, 36, 0)


@row(r"clusters would have 2\^63")
def impossible_cluster_bits(folder: Path, canary: Path) -> Path:
    return _patched(folder, 20, 63)


@row(r"refcounts would have 2\^7")
def impossible_refcount_order(folder: Path, canary: Path) -> Path:
    return _patched(folder, 96, 7)


@row("claims a length of 4294967288")
def impossible_header_length(folder: Path, canary: Path) -> Path:
    return _patched(folder, 100, 0xFFFFFFF8)


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
    return _patched(folder, 24, 1 << 62, 8)


@row("claims a disk of 60.0 PiB")
def virtual_size_that_qemu_opens(folder: Path, canary: Path) -> Path:
    return create(folder / "x.qcow2", "qcow2", "60P", "cluster_size=2M")


@row("no bytes at all")
def no_virtual_size(folder: Path, canary: Path) -> Path:
    return _patched(folder, 24, 0, 8)


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
    return _patched(folder, 40, 0, 8)


@row("L1 table claims to be at offset 65537")
def l1_table_unaligned(folder: Path, canary: Path) -> Path:
    return _patched(folder, 40, 65537, 8)


@row("L1 table lies beyond")
def l1_table_outside(folder: Path, canary: Path) -> Path:
    return _patched(folder, 40, 1 << 50, 8)


@row("refcount table claims 4294967295 clusters")
def giant_refcount_table(folder: Path, canary: Path) -> Path:
    return _patched(folder, 56, 0xFFFFFFFF)


@row("refcount table lies beyond")
def refcount_table_outside(folder: Path, canary: Path) -> Path:
    return _patched(folder, 48, 1 << 50, 8)


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
    return _patched(folder, 60, 0xFFFFFFFF)


@row("snapshot table lies beyond")
def snapshot_table_outside(folder: Path, canary: Path) -> Path:
    path = create(folder / "x.qcow2")
    qemu_img("snapshot", "-c", "s1", path)
    return patch_u64(path, 64, 1 << 50)


@row("VMDK descriptor that names other files")
def vmdk_flat(folder: Path, canary: Path) -> Path:
    path = folder / "x.vmdk"
    path.write_text(
        '# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="monolithicFlat"\n'
        f'RW 4 FLAT "{canary}" 0\n'
    )
    return path


@row("another kind than monolithicSparse")
def vmdk_split(folder: Path, canary: Path) -> Path:
    path = create(folder / "x.vmdk", "vmdk")
    return _replace(path, b'createType="monolithicSparse"', b'createType="monolithicFlat"  ')


@row("stands on a parent")
def vmdk_with_a_parent(folder: Path, canary: Path) -> Path:
    create(folder / "base.vmdk", "vmdk")
    path = folder / "x.vmdk"
    qemu_img("create", "-q", "-f", "vmdk", "-b", folder / "base.vmdk", "-F", "vmdk", path)
    return path


@row("another kind than monolithicSparse")
def vmdk_with_two_create_types(folder: Path, canary: Path) -> Path:
    """oslo.utils reads the first, in any case of letters; QEMU the one that is spelled createType."""
    return _vmdk_without_capacity(
        folder, f'createtype="monolithicSparse"\ncreateType="monolithicFlat"\nRW 4 FLAT "{canary.name}" 0\n'
    )


@row("other extents than the one")
def vmdk_with_an_extent_elsewhere(folder: Path, canary: Path) -> Path:
    return _vmdk_without_capacity(folder, f'createType="monolithicSparse"\nRW 4 FLAT "{canary.name}" 0\n')


def _vmdk_without_capacity(folder: Path, lines: str) -> Path:
    """With capacity 0 in the header, QEMU follows the descriptor instead."""
    path = create(folder / "x.vmdk", "vmdk")
    patch(path, 12, bytes(8))
    text = f"# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\n{lines}"
    return patch(path, 512, text.encode().ljust(2048, b"\0"))


def _replace(path: Path, old: bytes, new: bytes) -> Path:
    content = path.read_bytes()
    return patch(path, content.index(old), new)


@row("no bytes at all")
def vmdk_of_no_size(folder: Path, canary: Path) -> Path:
    return patch(create(folder / "x.vmdk", "vmdk"), 12, bytes(8))


@row("claims a disk of")
def vmdk_of_absurd_size(folder: Path, canary: Path) -> Path:
    return patch(create(folder / "x.vmdk", "vmdk"), 12, struct.pack("<Q", 1 << 53))


@row("footer")
def vmdk_stream_cut_off(folder: Path, canary: Path) -> Path:
    path = stream_optimized_vmdk(create(folder / "disk.raw", "raw"), folder / "x.vmdk")
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 512)
    return path


@row("Footer|footer")
def vmdk_footer_with_another_descriptor(folder: Path, canary: Path) -> Path:
    path = stream_optimized_vmdk(create(folder / "disk.raw", "raw"), folder / "x.vmdk")
    return patch(path, path.stat().st_size - 1024 + 28, struct.pack("<Q", 77))


@row("COWD|old kind")
def vmdk_of_esx(folder: Path, canary: Path) -> Path:
    path = folder / "x.img"
    path.write_bytes(b"COWD" + bytes(1 << 20))
    return path


@row("stands on a parent image")
def vhd_differencing(folder: Path, canary: Path) -> Path:
    return patch(create(folder / "x.vhd", "vpc"), 60, struct.pack(">I", 4))


@row("checksum")
def vhd_with_a_wrong_checksum(folder: Path, canary: Path) -> Path:
    return patch(create(folder / "x.vhd", "vpc"), 64, bytes(4))


@row("stands on a parent image")
def vdi_with_a_parent(folder: Path, canary: Path) -> Path:
    return patch(create(folder / "x.vdi", "vdi"), 0x1B8, b"p" * 16)


@row("contradicts itself")
def vdi_with_too_few_blocks(folder: Path, canary: Path) -> Path:
    return patch(create(folder / "x.vdi", "vdi", "8M"), 0x180, bytes(4))


@row("VHDX region table")
def vhdx_cut_off(folder: Path, canary: Path) -> Path:
    path = create(folder / "x.vhdx", "vhdx")
    with path.open("r+b") as file:
        file.truncate(200 << 10)
    return path


@row("stands on a parent image")
def vhdx_differencing(folder: Path, canary: Path) -> Path:
    path = create(folder / "x.vhdx", "vhdx")
    parameters = bytes.fromhex("3767a1ca36fa434db3b633f0aa44e76b")
    content = path.read_bytes()
    entry = content.index(parameters)
    table = content.rindex(b"metadata", 0, entry)
    (offset,) = struct.unpack_from("<I", content, entry + 16)
    return patch(path, table + offset + 4, struct.pack("<I", 2))


@row("a QED image")
def qed(folder: Path, canary: Path) -> Path:
    return create(folder / "x.img", "qed")


@row("two formats at once: gpt and qcow2")
def qcow2_with_a_boot_signature(folder: Path, canary: Path) -> Path:
    return patch(create(folder / "x.qcow2"), 510, b"\x55\xaa")


@row("two formats at once: iso and qcow2")
def qcow2_over_an_iso(folder: Path, canary: Path) -> Path:
    return patch(create(folder / "x.qcow2"), 32768, b"\x01CD001\x01")


@row("its name claims that it is raw, but its content is qcow2 with a backing file '.*canary'")
def qcow2_named_raw(folder: Path, canary: Path) -> Path:
    return backing_file(folder, canary).rename(folder / "x.raw")


@row("its name claims that it is qcow2, but its content is raw")
def raw_named_qcow2(folder: Path, canary: Path) -> Path:
    path = folder / "x.qcow2"
    path.write_bytes(bytes(1 << 20))
    return path


@row("its name claims that it is raw, but its content is vmdk")
def vmdk_named_raw(folder: Path, canary: Path) -> Path:
    return create(folder / "x.raw", "vmdk")


@row("OpenStack refuses it: MBR")
def broken_mbr(folder: Path, canary: Path) -> Path:
    path = folder / "x.raw"
    path.write_bytes(bytes(446) + b"\x77" + bytes(63) + b"\x55\xaa" + bytes(1 << 20))
    return path


@row("no partitions|OpenStack refuses")
def mbr_without_partitions(folder: Path, canary: Path) -> Path:
    path = folder / "x.raw"
    path.write_bytes(bytes(510) + b"\x55\xaa" + bytes(1 << 20))
    return path


@row("LUKS volume: it is encrypted")
def luks_1(folder: Path, canary: Path) -> Path:
    path = folder / "x.img"
    path.write_bytes(b"LUKS\xba\xbe\x00\x01" + b"aes".ljust(32, b"\0") + bytes(1 << 20))
    return path


@row("LUKS volume")
def luks_2(folder: Path, canary: Path) -> Path:
    path = folder / "x.img"
    path.write_bytes(b"LUKS\xba\xbe\x00\x02" + bytes(1 << 20))
    return path


@row("Parallels")
def parallels(folder: Path, canary: Path) -> Path:
    return create(folder / "x.img", "parallels")


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
