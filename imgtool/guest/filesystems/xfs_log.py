"""Whether the log of an XFS was written to its end: its last record says that the file system was unmounted.

The log is a ring of 512-byte blocks. The first word of each is the number of the turn in which it was
written (in a record's header the word after the magic), so the head, where the next record would go, is
where the number drops. Layout: XFS Algorithms & Data Structures, "Journaling Log", and struct
xlog_rec_header in fs/xfs/libxfs/xfs_log_format.h; the rules are those of xlog_find_tail in xfs_log_recover.c.
"""

import struct
from dataclasses import dataclass
from typing import BinaryIO, cast

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.filesystems.superblock import number

BLOCK = 512
HEADER_MAGIC = 0xFEEDBABE
HEADER_CYCLE_BYTES = 32 << 10
"""XLOG_HEADER_CYCLE_SIZE: a header block is enough for as much data; larger buffers take more of them."""
UNMOUNT_FLAG = 0x20
"""XLOG_UNMOUNT_TRANS of an operation's oh_flags."""
MAX_RECORD_BLOCKS = (256 << 10) // BLOCK + 8
"""An unmount record takes two blocks, filled up to the log's stripe, which has 256 KiB at most."""


@dataclass(frozen=True, slots=True)
class _Log:
    stream: BinaryIO
    start: int
    blocks: int

    def read(self, block: int, count: int = 1) -> bytes:
        """`count` blocks from `block` on, which must not go beyond the end."""
        self.stream.seek(self.start + block * BLOCK)
        content = self.stream.read(count * BLOCK)
        if len(content) != count * BLOCK:
            raise GuestReadError("the log of the xfs goes on beyond the end of the volume")
        return content

    def cycle(self, block: int) -> int:
        """The turn in which the block was written."""
        magic, cycle = cast(tuple[int, int], struct.unpack_from(">II", self.read(block)))
        return cycle if magic == HEADER_MAGIC else magic


def log_is_clean(head: bytes, stream: BinaryIO) -> bool:
    """Whether the last record of the log says that the file system was unmounted.

    `head` is the start of the file system in `stream`. Raises GuestReadError where the log is on another
    device, or is not as it should be.
    """
    log = _internal_log(head, stream)
    if log.cycle(0) == 0:
        return True  # never written to: xlog_find_zeroed
    window = _before(log, _head(log))
    for at in range(len(window) - BLOCK, -1, -BLOCK):
        if number(window, at, ">I") == HEADER_MAGIC:
            return _is_unmount(window[at:])
    return False


def _before(log: _Log, end: int) -> bytes:
    """What was written last, up to the block `end`: it may have begun before the end of the ring."""
    if end >= MAX_RECORD_BLOCKS:
        return log.read(end - MAX_RECORD_BLOCKS, MAX_RECORD_BLOCKS)
    older = min(MAX_RECORD_BLOCKS, log.blocks) - end
    return log.read(log.blocks - older, older) + log.read(0, end)


def _internal_log(head: bytes, stream: BinaryIO) -> _Log:
    block_size, group_blocks, blocks = (number(head, at, ">I") for at in (4, 84, 96))
    start = number(head, 48, ">Q")
    if not start:
        raise GuestReadError("the log of the xfs is on another device")
    if not (512 <= block_size <= 1 << 16 and blocks and head[124] < 32):
        raise GuestReadError("the xfs is damaged: impossible place of its log")
    group, within = divmod(start, 1 << head[124])
    return _Log(stream, (group * group_blocks + within) * block_size, blocks * block_size // BLOCK)


def _head(log: _Log) -> int:
    """The block after the last one that was written: where the number of the turn drops."""
    newest, oldest = log.cycle(0), log.cycle(log.blocks - 1)
    if newest == oldest:
        return log.blocks
    low, high = 0, log.blocks - 1
    while high - low > 1:
        middle = (low + high) // 2
        cycle = log.cycle(middle)
        if cycle not in {newest, oldest}:
            raise GuestReadError("the log of the xfs is not in order")
        low, high = (middle, high) if cycle == newest else (low, middle)
    return high


def _is_unmount(record: bytes) -> bool:
    """Whether `record` reaches up to the head, and has the one operation that unmounting writes."""
    length, operations = number(record, 12, ">I"), number(record, 40, ">I")
    version, size = number(record, 8, ">I"), number(record, 320, ">I")
    headers = max(1, -(-size // HEADER_CYCLE_BYTES)) if version & 2 else 1
    data = headers * BLOCK
    blocks = headers + -(-length // BLOCK)
    if operations != 1 or len(record) != blocks * BLOCK or len(record) < data + BLOCK:
        return False
    return bool(record[data + 9] & UNMOUNT_FLAG)
