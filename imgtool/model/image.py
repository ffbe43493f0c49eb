"""The image file."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """Which file it was, to notice when it is changed or replaced while in use: st_dev, st_ino, ..."""

    device: int
    inode: int
    size_bytes: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class DiskImage:
    """An image file that has passed the gate (`formats.gate`), and what its headers say."""

    path: Path
    """Absolute, symbolic links resolved: the only name that other programs are given."""
    format: str
    """qemu-img's name of the format: raw, qcow2, vmdk, vdi, vpc, vhdx, ..."""
    virtual_size_bytes: int
    """Size of the disk; 0 where it shows only when the file, compressed as a whole, is decompressed."""
    file_size_bytes: int
    allocated_bytes: int
    identity: FileIdentity
    format_evidence: str
    """What the content showed, and whether the caller said the same."""
    wrapper: str | None = None
    """gzip, xz, zstd or bzip2 where the file was compressed as a whole, else None."""
    cluster_size_bytes: int | None = None
    compression_type: str | None = None
    """qcow2: zlib or zstd, the method of its compressed clusters, if it has any."""
    version: int | None = None
    snapshots: int = 0
    encrypted: bool = False
    streamed: bool = False
    """`path` holds only the first bytes of what comes from stdin."""
    unpacked_from: "DiskImage | None" = None
    """The compressed file, or stdin, that this is a temporary copy of."""

    @property
    def origin(self) -> "DiskImage":
        """The file that the user named: what messages and reports speak of."""
        return self.unpacked_from or self
