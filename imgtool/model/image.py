"""The image file."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from imgtool.util import leases


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """Which file it was, to notice when it is changed or replaced while in use: st_dev, st_ino, ..."""

    device: int
    inode: int
    size_bytes: int
    modified_ns: int
    changed_ns: int = 0
    """st_ctime: who writes to a file can set its time of modification back, but not this one."""

    @property
    def lasting(self) -> "FileIdentity":
        """Without what changes when a file gets another name or mode: to know it again in a later run."""
        return replace(self, changed_ns=0)


class Handle:
    """An open file, whose descriptor is closed with the last reference to this.

    Whoever reads the image reads from this descriptor, from the gate to the last byte that is sent: a name
    that somebody gives to another file in between means nothing.
    """

    __slots__ = ("_lease", "descriptor", "open_for_writing")

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.open_for_writing = False
        """Somebody had it open for writing when it was opened here, as far as anybody can tell."""
        self._lease: leases.Lease | None = None

    def watch(self) -> None:
        """Notice who writes to the file now, and from now on who opens it for that: see util/leases.py."""
        self.open_for_writing = leases.written_by_qemu(self.descriptor)
        try:
            self._lease = leases.take(self.descriptor)
        except leases.OpenForWritingError:
            self.open_for_writing = True

    @property
    def watched(self) -> bool:
        """Whoever opens the file for writing is noticed."""
        return self._lease is not None

    def broken(self) -> bool:
        """Somebody has opened the file for writing since."""
        return self._lease is not None and self._lease.let_go_if_broken()

    def close(self) -> None:
        """Close it now."""
        if self.descriptor >= 0:
            leases.release(self.descriptor)
            os.close(self.descriptor)
            self.descriptor = -1

    def __del__(self) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A text that describes an image which another file holds: VMware's NAME.vmdk beside NAME-flat.vmdk."""

    path: Path
    identity: FileIdentity
    handle: Handle = field(repr=False, compare=False)
    """It is read once; it is open still so that a change is noticed."""


@dataclass(frozen=True, slots=True)
class Container:
    """Where an image was found that is not a file by itself, or has its description in another file."""

    kind: Literal["ova", "vmdk"]
    """vmdk: a descriptor and the file with the data."""
    member: str
    """Name of the image in it; for messages."""
    named: Path
    """The file that the user named."""
    size_bytes: int
    """Of the whole archive, or of both files."""
    allocated_bytes: int
    descriptor: Descriptor | None = None


@dataclass(frozen=True, slots=True)
class DiskImage:
    """An image file that has passed the gate (`formats.gate`), and what its headers say."""

    path: Path
    """Absolute, symbolic links resolved: for messages, and for what is to be beside it. It is not opened
    again."""
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
    is_iso: bool = False
    """A raw image of an optical disc: it begins with ISO 9660 or UDF, whether or not with an MBR as well."""
    mbr_refusal: str | None = None
    """raw: what OpenStack's format inspector says against its MBR; None where it says nothing. In a qcow2
    nobody looks at it."""
    streamed: bool = False
    """The file holds only the first bytes of what comes from stdin."""
    start_bytes: int = 0
    """Where in its file the image begins: it may be part of an archive."""
    judged: tuple[tuple[int, int], ...] = field(default=(), repr=False, compare=False)
    """Start and end of each part of the file that the gate looked at, in order: headers and tables."""
    handle: Handle | None = field(default=None, repr=False, compare=False)
    """Its open file; None of an image that is only planned."""
    unpacked_from: "DiskImage | None" = None
    """The compressed file, or stdin, that this is a temporary copy of."""
    container: Container | None = None

    @property
    def origin(self) -> "DiskImage":
        """The file that the user named: what messages and reports speak of."""
        if self.unpacked_from is not None or self.container is None:
            return self.unpacked_from or self
        found = self.container
        return replace(
            self, path=found.named, file_size_bytes=found.size_bytes, allocated_bytes=found.allocated_bytes
        )

    @property
    def files(self) -> tuple[Path, ...]:
        """The paths of all files that it is made of: none of them may be written to."""
        source = self.unpacked_from or self
        descriptor = source.container.descriptor if source.container is not None else None
        return (source.path, *((descriptor.path,) if descriptor is not None else ()))
