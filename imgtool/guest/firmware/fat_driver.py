"""Whether UEFI reads a FAT file system: stricter than Linux and than what is read here.

Source: EDK2, FatPkg/EnhancedFatDxe/Init.c, FatOpenDevice. FAT32 is what has no 16-bit size of its table; a
FAT32 with fewer than 65,525 clusters, or a FAT16 with as many, is corrupt to it.
"""

import struct

from imgtool.guest.filesystems.superblock import number

BOOT_SECTOR_BYTES = 512
SECTOR_SIZES = (512, 1024, 2048, 4096)
MAX_FAT16_CLUSTERS = 65525
MIRROR_DISABLED = 0x80
OTHER_MEDIA = (0xF0, 0x00, 0x01)
LEAST_MEDIA = 0xF8


def why_not_read(head: bytes) -> str | None:
    """Why UEFI does not read the file system that begins with this sector, or None where it does."""
    if len(head) < BOOT_SECTOR_BYTES:
        return "its boot sector is missing"
    sector, per_cluster, reserved, tables, roots, small, media, small_table = struct.unpack_from(
        "<HBHBHHBH", head, 11
    )
    sectors = small or number(head, 32, "<I")
    table = small_table or number(head, 36, "<I")
    if not (reserved and tables and sectors and table):
        return "its boot sector is damaged"
    if sector not in SECTOR_SIZES or per_cluster & (per_cluster - 1):
        return "its sectors or clusters have an impossible size"
    if media < LEAST_MEDIA and media not in OTHER_MEDIA:
        return f"its media byte is {media:#04x}"
    data = reserved + tables * table + -(-roots * 32 // sector)
    clusters = (sectors - data) // (per_cluster or 1)
    if small_table:
        return _of_fat16(clusters, roots)
    return _of_fat32(clusters, flags=number(head, 40, "<H"), version=number(head, 42, "<H"))


def _of_fat16(clusters: int, roots: int) -> str | None:
    if not roots:
        return "it is a FAT16 without room for a root directory"
    if clusters >= MAX_FAT16_CLUSTERS:
        return f"it is a FAT16 of {clusters} clusters, too many for one"
    return None


def _of_fat32(clusters: int, flags: int, version: int) -> str | None:
    if version:
        return f"it is a FAT32 of version {version}"
    if flags & MIRROR_DISABLED:
        return "it is a FAT32 whose tables are no copies of one another"
    if clusters < MAX_FAT16_CLUSTERS:
        return f"it is a FAT32 of {clusters} clusters, fewer than the {MAX_FAT16_CLUSTERS} that make one"
    return None
