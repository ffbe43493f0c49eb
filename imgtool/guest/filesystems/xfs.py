"""XFS, versions 4 and 5, by dissect.xfs.

Layout: XFS Algorithms & Data Structures, 3rd edition. Directory blocks and lists of extents are read here,
because the library skips a damaged block silently, takes a directory block for a file-system block, and
returns what an unwritten extent held before.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from imgtool.guest.filesystems.base import GuestReadError, Kind, Node
from imgtool.guest.filesystems.content import open_checked
from imgtool.guest.filesystems.guard import guarded
from imgtool.guest.filesystems.nodes import MAX_EXTENTS, InodeNode
from imgtool.guest.filesystems.superblock import Identity, Room, number, text, uuid
from imgtool.guest.filesystems.xfs_attributes import read_attribute

if TYPE_CHECKING:
    from dissect.xfs.xfs import INode

UNREADABLE = {0x10: "that needs repair (xfs_repair)", 0x200: "with zones"}
KNOWN_INCOMPATIBLE = 0x1FF
"""sb_features_incompat of Linux 6.13, fs/xfs/libxfs/xfs_format.h, without zones."""
REALTIME_FLAG, IMMUTABLE_FLAG, APPEND_FLAG = 0x1, 0x8, 0x10
"""Of an inode: di_flags."""
TREES = {0x1: 1 / 1008, 0x2: 1 / 84, 0x4: 1 / 168}
"""What may become of a group's blocks with finobt, rmapbt and reflink: sb_features_ro_compat."""
LOCAL, EXTENTS, BTREE = 1, 2, 3
"""di_format of an inode: where its data is."""
DATA_MAGICS = (b"XD2B", b"XD2D", b"XDB3", b"XDD3")
BLOCK_MAGICS = (b"XD2B", b"XDB3")
"""A directory of one block: entries, then the hash index, then a tail."""
MAX_DIRECTORY_BYTES = 64 << 20
KIND_OF_ENTRY = {1: Kind.FILE, 2: Kind.DIRECTORY, 7: Kind.SYMLINK}


def probe(head: bytes, stream: BinaryIO) -> "XfsFilesystem | None":
    """The file system of `stream`, whose first bytes are `head`, if it is XFS."""
    if len(head) < 512 or not head.startswith(b"XFSB"):
        return None
    return XfsFilesystem(Identity("xfs", text(head, 108, 12), uuid(head, 32)), head, stream)


class XfsFilesystem:
    """One XFS."""

    def __init__(self, identity: Identity, head: bytes, stream: BinaryIO) -> None:
        self.type, self.label, self.uuid = identity.type, identity.label, identity.uuid
        self._head = head
        self._stream = stream
        self._root: Node | None = None

    def root(self, subvolume: str | None = None) -> Node:
        """The top directory."""
        if subvolume is not None:
            raise GuestReadError("xfs has no subvolumes")
        if self._root is None:
            self._check()
            with guarded("xfs"):
                self._root = self._open()
        return self._root

    @property
    def room(self) -> Room:
        """What is free: sb_fdblocks, which an unmount writes, without what each mount keeps back.

        That is a twentieth up to 8192 blocks (xfs_default_resblks), 8 blocks of each allocation group
        (xfs_alloc_set_aside), and room for the features' trees at their largest, by half-full leaves of 4 KiB
        (libxfs/xfs_ag_resv.c): right to a thousandth of the file system.
        """
        head = self._head
        (size, free), (block, groups, log) = (
            [number(head, at, ">Q") for at in (8, 144)],
            [number(head, at, ">I") for at in (4, 88, 96)],
        )
        features = number(head, 212, ">I") if number(head, 100, ">H") & 0xF == 5 else 0
        trees = sum(share for bit, share in TREES.items() if features & bit)
        kept = min(size // 20, 8192) + 8 * groups + round((size - log) * trees)
        return Room(max(0, free - kept) * block, None)

    def _open(self) -> Node:
        from dissect.xfs.xfs import XFS  # noqa: PLC0415 - 0.1 s that only this file system costs

        return XfsNode(XFS(self._stream).root, "xfs:/", Kind.DIRECTORY)

    def _check(self) -> None:
        block, sector, inode = (number(self._head, at, layout) for at, layout in _SIZES)
        if not (512 <= block <= 1 << 16 and 512 <= sector <= 1 << 15 and 256 <= inode <= 2048):
            raise GuestReadError("xfs is damaged: impossible block, sector or inode size")
        if self._head[192] > 7:
            raise GuestReadError("xfs is damaged: impossible directory block size")
        version = number(self._head, 100, ">H") & 0xF
        if version not in {4, 5}:
            raise GuestReadError(f"xfs version {version} is not supported")
        incompatible = number(self._head, 216, ">I") if version == 5 else 0
        for bit, name in UNREADABLE.items():
            if incompatible & bit:
                raise GuestReadError(f"xfs {name} is not supported")
        if incompatible & ~KNOWN_INCOMPATIBLE:
            raise GuestReadError(f"xfs with unknown features {incompatible:#x} is not supported")


_SIZES = ((4, ">I"), (102, ">H"), (104, ">H"))
"""Where the superblock has the sizes of a block, a sector and an inode."""


class XfsNode(InodeNode):
    """One inode."""

    __slots__ = ()
    _inode: "INode"

    def _mode(self) -> int:
        return int(self._inode.inode.di_mode)

    def _owner(self) -> tuple[int, int]:
        return int(self._inode.inode.di_uid), int(self._inode.inode.di_gid)

    def _attributes(self) -> tuple[bool, bool]:
        flags = int(self._inode.inode.di_flags)
        return bool(flags & IMMUTABLE_FLAG), bool(flags & APPEND_FLAG)

    def _size(self) -> int:
        return int(self._inode.size)

    def _link(self) -> str:
        return str(self._inode.link)

    def _xattr(self, name: str) -> bytes | None:
        return read_attribute(self._inode, name)

    def _open(self) -> BinaryIO:
        from dissect.util.stream import RunlistStream  # noqa: PLC0415 - as above

        inode = self._inode
        if inode.inode.di_flags & REALTIME_FLAG:
            raise GuestReadError(f"{self.where} is on a realtime device")
        if int(inode.inode.di_format) == LOCAL:
            content = inode.datafork()
        else:
            content = RunlistStream(inode.xfs.fh, _runs(inode), inode.size, inode.xfs.block_size)

        def read_at(offset: int, length: int) -> bytes:
            with guarded(self.where):
                content.seek(offset)
                return bytes(content.read(length))

        return open_checked(self.where, int(inode.size), read_at)

    def _list(self) -> Iterator[tuple[str, Node]]:
        xfs = self._inode.xfs
        if int(self._inode.inode.di_format) == LOCAL:
            listing = _short_entries(self._inode)
        else:
            listing = self._block_entries()
        for inum, entry_type, raw_name in listing:
            name = raw_name.decode("utf-8", "surrogateescape")
            kind = KIND_OF_ENTRY.get(entry_type, Kind.OTHER) if entry_type else None
            yield name, XfsNode(xfs.get_inode(inum), self._below(name), kind)

    def _block_entries(self) -> Iterator[tuple[int, int, bytes]]:
        xfs = self._inode.xfs
        if self._inode.size > MAX_DIRECTORY_BYTES:
            raise GuestReadError(f"{self.where} is a directory of more than {MAX_DIRECTORY_BYTES} bytes")
        block_size = xfs.block_size << xfs.sb.sb_dirblklog
        with self._open() as stream:
            while block := stream.read(block_size):
                yield from _entries(block, has_type=bool(xfs._has_ftype), has_crc=xfs.version == 5)


def _runs(inode: "INode") -> list[tuple[int | None, int]]:
    """(first block or None for zeros, number of blocks) in the order of the file."""
    runs: list[tuple[int | None, int]] = []
    position = 0
    blocks = -(-inode.size // inode.xfs.block_size)
    for start, block, count, unwritten in inode._iter_blocks():
        if len(runs) > MAX_EXTENTS or start < position:
            raise GuestReadError("its extents are out of order, or too many")
        if start > position:
            runs.append((None, start - position))
        group, within = divmod(block, 1 << inode.xfs.sb.sb_agblklog)
        runs.append((None if unwritten else group * inode.xfs.sb.sb_agblocks + within, count))
        position = start + count
    if position < blocks:
        runs.append((None, blocks - position))
    return runs


def _short_entries(inode: "INode") -> Iterator[tuple[int, int, bytes]]:
    """Inode, type and name of each entry of a directory kept in its inode: struct xfs_dir2_sf_hdr."""
    content = bytes(inode.datafork().read(inode.size))
    count, wide = content[0], content[1]
    layout, width = (">Q", 8) if wide else (">I", 4)
    offset = 2 + width
    for _ in range(count):
        name_length = content[offset]
        name = content[offset + 3 : offset + 3 + name_length]
        offset += 3 + name_length
        entry_type = content[offset] if inode.xfs._has_ftype else 0
        offset += 1 if inode.xfs._has_ftype else 0
        yield number(content, offset, layout), entry_type, name
        offset += width


def _entries(block: bytes, *, has_type: bool, has_crc: bool) -> Iterator[tuple[int, int, bytes]]:
    """Return those of one directory data block: struct xfs_dir2_data_entry. A hole has no entries."""
    if block[:4] not in DATA_MAGICS:
        if any(block):
            raise GuestReadError("damaged directory block")
        return
    offset = 64 if has_crc else 16
    end = _end_of_entries(block)
    while offset < end:
        if block[offset : offset + 2] == b"\xff\xff":
            length = number(block, offset + 2, ">H")
        else:
            name_length = block[offset + 8]
            length = -(-(11 + name_length + has_type) // 8) * 8
            entry_type = block[offset + 9 + name_length] if has_type else 0
            yield number(block, offset, ">Q"), entry_type, block[offset + 9 : offset + 9 + name_length]
        if length < 8 or length % 8 or offset + length > end:
            raise GuestReadError(f"damaged directory entry at byte {offset}")
        offset += length


def _end_of_entries(block: bytes) -> int:
    """Where the hash index starts: 8 bytes each for the number that the tail of a single block names."""
    if block[:4] not in BLOCK_MAGICS:
        return len(block)
    return len(block) - 8 - 8 * number(block, len(block) - 8, ">I")
