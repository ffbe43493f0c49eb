"""What the superblocks of all file systems have in common."""

import struct
from dataclasses import dataclass
from uuid import UUID

HEAD_BYTES = (64 << 10) + 4096
"""What is read of a volume to see what is on it: up to the end of the superblock of Btrfs."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a superblock says of itself, as `blkid` prints it."""

    type: str
    label: str | None
    uuid: str | None


@dataclass(frozen=True, slots=True)
class Room:
    """What is free, by the superblock: what statfs(2) shows to root."""

    free_bytes: int
    free_inodes: int | None
    """None where inodes are made as they are needed."""


def number(head: bytes, offset: int, layout: str) -> int:
    """The integer at `offset`; `layout` as in `struct`. The head must be long enough."""
    value: int = struct.unpack_from(layout, head, offset)[0]
    return value


def text(head: bytes, offset: int, length: int) -> str | None:
    """A label: up to its first zero byte, None where empty; bytes that are not UTF-8 are replaced."""
    raw = head[offset : offset + length].split(b"\0")[0]
    return raw.decode("utf-8", "replace").strip() or None


def uuid(head: bytes, offset: int) -> str | None:
    """The 16 bytes at `offset` as a UUID, None where they are all zero."""
    raw = head[offset : offset + 16]
    return str(UUID(bytes=raw)) if any(raw) else None
