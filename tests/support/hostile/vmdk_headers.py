"""VMDK files whose header, footer or descriptor OpenStack refuses."""

import struct
from pathlib import Path

from support.hostile.rows import row
from support.images import create, patch, stream_optimized_vmdk

DESCRIPTOR_SECTOR, DESCRIPTOR_SECTORS = 28, 36
"""Where a header has its descriptor's place and length."""


def _patched(folder: Path, offset: int, value: bytes) -> Path:
    return patch(create(folder / "x.vmdk", "vmdk"), offset, value)


def _described(folder: Path, lines: str) -> Path:
    text = f"# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\n{lines}"
    return _patched(folder, 512, text.encode().ljust(2048, b"\0"))


def _with_footer(folder: Path, from_end: int, value: bytes) -> Path:
    path = stream_optimized_vmdk(create(folder / "disk.raw", "raw"), folder / "x.vmdk")
    return patch(path, path.stat().st_size - from_end, value)


@row("descriptor|format cannot be told")
def vmdk_descriptor_elsewhere(folder: Path, canary: Path) -> Path:
    return _patched(folder, DESCRIPTOR_SECTOR, struct.pack("<Q", 2))


@row("another kind than monolithicSparse")
def vmdk_descriptor_of_no_length(folder: Path, canary: Path) -> Path:
    return _patched(folder, DESCRIPTOR_SECTORS, bytes(8))


@row("version 77")
def vmdk_of_an_unknown_version(folder: Path, canary: Path) -> Path:
    return _patched(folder, 4, struct.pack("<I", 77))


@row("another kind than monolithicSparse")
def vmdk_without_a_create_type(folder: Path, canary: Path) -> Path:
    return _described(folder, 'createType monolithicSparse\nRW 2048 SPARSE "x.vmdk"\n')


@row("other extents than the one")
def vmdk_with_an_extent_of_no_known_access(folder: Path, canary: Path) -> Path:
    return _described(folder, f'createType="monolithicSparse"\nwronly 2048 SPARSE "{canary.name}"\n')


@row("other extents than the one")
def vmdk_with_an_extent_by_its_path(folder: Path, canary: Path) -> Path:
    return _described(folder, f'createType="monolithicSparse"\nRW 2048 SPARSE "{canary}"\n')


@row("other extents than the one")
def vmdk_without_extents(folder: Path, canary: Path) -> Path:
    return _described(folder, 'createType="monolithicSparse"\n')


@row("other extents than the one")
def vmdk_with_two_extents(folder: Path, canary: Path) -> Path:
    lines = f'RW 2048 SPARSE "x.vmdk"\nRW 4 SPARSE "{canary.name}"\n'
    return _described(folder, f'createType="monolithicSparse"\n{lines}')


@row("footer|Footer")
def vmdk_footer_without_its_signature(folder: Path, canary: Path) -> Path:
    return _with_footer(folder, 1024, b"leak")


@row("footer|Footer")
def vmdk_footer_of_another_version(folder: Path, canary: Path) -> Path:
    return _with_footer(folder, 1020, struct.pack("<I", 2))


@row("footer|Footer")
def vmdk_footer_with_a_longer_descriptor(folder: Path, canary: Path) -> Path:
    return _with_footer(folder, 1024 - DESCRIPTOR_SECTORS, struct.pack("<Q", 4096))


@row("footer|Footer")
def vmdk_footer_that_promises_another(folder: Path, canary: Path) -> Path:
    return _with_footer(folder, 1024 - 56, b"\xff" * 8)


@row("footer|Footer")
def vmdk_footer_marker_of_another_type(folder: Path, canary: Path) -> Path:
    return _with_footer(folder, 1536 - 12, struct.pack("<I", 7))


@row("footer|Footer")
def vmdk_footer_marker_with_a_size(folder: Path, canary: Path) -> Path:
    return _with_footer(folder, 1536 - 8, struct.pack("<I", 1))


@row("its footer is missing")
def vmdk_end_marker_that_is_none(folder: Path, canary: Path) -> Path:
    return _with_footer(folder, 512 - 12, struct.pack("<I", 7))
