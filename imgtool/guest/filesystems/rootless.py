"""What stands on a volume without a directory tree to read: named, so that it is not overlooked."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO

from imgtool.guest.filesystems.base import GuestReadError, Node
from imgtool.guest.filesystems.superblock import text, uuid

ENCRYPTED_TYPES = frozenset({"crypto_LUKS", "BitLocker"})
SWAP_MAGICS = (b"SWAPSPACE2", b"SWAP-SPACE")
PAGE_SIZES = (4096, 8192, 16384, 65536)
"""A swap area's magic stands at the end of its first page, whatever size the guest's pages have."""
LVM_LABEL_SECTORS = 4
ZFS_LABEL = 16 << 10
"""Where the first label of a vdev begins to describe the pool."""


@dataclass(frozen=True, slots=True)
class Rootless:
    """A volume of a known type without a directory tree, and why there is none."""

    type: str
    label: str | None
    uuid: str | None
    reason: str

    def root(self, subvolume: str | None = None) -> Node:
        """There is none: raises with the reason."""
        raise GuestReadError(self.reason if subvolume is None else f"{self.reason}; it has no {subvolume}")


@dataclass(frozen=True, slots=True)
class Signature:
    """Bytes at an offset that name a type."""

    offset: int
    magic: bytes
    type: str
    reason: str


SIGNATURES = (
    Signature(3, b"-FVE-FS-", "BitLocker", "it is encrypted (BitLocker)"),
    Signature(3, b"EXFAT   ", "exfat", "exFAT is not read"),
    Signature(0, b"hsqs", "squashfs", "squashfs is not read"),
    Signature(1024, b"\xe2\xe1\xf5\xe0", "erofs", "EROFS is not read"),
    Signature(1024, b"\x10\x20\xf5\xf2", "f2fs", "F2FS is not read"),
    Signature(32769, b"CD001", "iso9660", "ISO 9660 is not read"),
    Signature(4096, b"\xfc\x4e\x2b\xa9", "linux_raid_member", "software RAID is not read"),
    Signature(0, b"\xfc\x4e\x2b\xa9", "linux_raid_member", "software RAID is not read"),
    Signature(4120, bytes.fromhex("c68573f64e1a45ca8265f57f48ba6d81"), "bcache", "bcache is not read"),
)


def probe(head: bytes, _stream: BinaryIO) -> Rootless | None:
    """What the first bytes of a volume show, if it is none of the file systems that can be read."""
    special: tuple[Callable[[bytes], Rootless | None], ...] = (_luks, _lvm, _swap, _zfs)
    for look in special:
        found = look(head)
        if found is not None:
            return found
    for signature in SIGNATURES:
        if head[signature.offset : signature.offset + len(signature.magic)] == signature.magic:
            return Rootless(signature.type, None, None, signature.reason)
    return None


def _luks(head: bytes) -> Rootless | None:
    """LUKS1 and LUKS2 have their UUID as text in the same place; LUKS2 has a label (LUKS2 format, 2.1)."""
    if not head.startswith(b"LUKS\xba\xbe"):
        return None
    label = text(head, 24, 48) if head[6:8] == b"\0\2" else None
    return Rootless("crypto_LUKS", label, text(head, 168, 40), "it is encrypted (LUKS)")


def _lvm(head: bytes) -> Rootless | None:
    """The label is in one of the first four sectors; the identifier is written with dashes (pvs -o uuid)."""
    for start in range(0, LVM_LABEL_SECTORS * 512, 512):
        if head[start : start + 8] == b"LABELONE" and head[start + 24 : start + 28] == b"LVM2":
            raw = text(head, start + 32, 32) or ""
            cuts = (0, 6, 10, 14, 18, 22, 26, 32)
            dashed = "-".join(raw[a:b] for a, b in pairwise(cuts))
            return Rootless("LVM2_member", None, dashed, "it is a physical volume of LVM")
    return None


def _zfs(head: bytes) -> Rootless | None:
    """The list of names and values of a vdev's first label: ZFS On-Disk Specification, 1.2.3."""
    described = head[ZFS_LABEL : ZFS_LABEL + 4096]
    if described[:2] == b"\1\1" and b"\0\0\0\x07version" in described and b"vdev_tree" in described:
        return Rootless("zfs_member", None, None, "ZFS is not read")
    return None


def _swap(head: bytes) -> Rootless | None:
    """Linux, include/linux/swap.h: UUID and label stand at 1036 and 1052."""
    if any(head[page - 10 : page] in SWAP_MAGICS for page in PAGE_SIZES):
        return Rootless("swap", text(head, 1052, 16), uuid(head, 1036), "it is swap space")
    return None
