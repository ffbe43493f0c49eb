"""VMDK files that name others, contradict themselves, or are cut off."""

import struct
from pathlib import Path

from support.hostile.rows import row
from support.images import create, patch, qemu_img, stream_optimized_vmdk


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
