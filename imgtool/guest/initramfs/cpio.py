"""The cpio archives that the kernel unpacks: "newc" (070701) and the same with a checksum (070702).

Source: the kernel's Documentation/driver-api/early-userspace/buffer-format.rst and init/initramfs.c.
"""

import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from imgtool.guest.initramfs.reader import ArchiveError, JunkError, Reader

MAGICS = (b"070701", b"070702")
HEADER_BYTES = 110
MAX_MEMBERS = 300_000
"""Members of all archives of one initramfs. A full desktop's has under 10,000."""

MAX_NAME_BYTES = 4096
"""The kernel's PATH_MAX: it leaves out members with a longer name, and so does this reader."""

MAX_CONTENT_BYTES = 16 << 20
"""Largest member whose content is kept where it is wanted: libcrypto has 6 MiB."""

SMALL_PROGRAM_BYTES = 64 << 10
"""Whatever its name is, what can be run and is no larger is kept: /init may be a link to any script."""

_FIELDS = re.compile(rb"[0-9A-Fa-f]{104}")
_TRAILER = b"TRAILER!!!"


@dataclass(frozen=True, slots=True)
class Member:
    """One file, directory or link of an archive. `content` only where it was wanted, else empty."""

    name: str
    """Without a leading `./` or `/`; bytes that are not UTF-8 as surrogates."""
    mode: int
    size_bytes: int
    content: bytes = b""
    is_kept: bool = True
    """`content` is all that it has."""
    link: tuple[int, ...] | None = None
    """What hard links to one file have in common; None where it has one name only."""

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.mode)


@dataclass(frozen=True, slots=True)
class _Header:
    mode: int
    size_bytes: int
    name_bytes: int
    link: tuple[int, ...] | None


class CpioParser:
    """Parses archives one after another, and counts their members over all of them."""

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        """`wanted`: of which names the content is kept."""
        self._wanted = wanted
        self._members = 0
        self._archives = 0

    def archive(self, reader: Reader) -> Iterator[Member]:
        """The members of the archive at `reader`, up to and with its trailer.

        Raises JunkError where no header is, or no trailer; ArchiveError where it is truncated, or beyond a
        bound.
        """
        self._archives += 1
        while reader.peek(1):
            header = _parse_header(reader)
            name = _read_name(reader, header.name_bytes)
            if name == _TRAILER:
                reader.skip(header.size_bytes)
                return
            self._count()
            member = self._member(reader, header, name)
            if member is not None:
                yield member
        raise JunkError("an archive that ends without its trailer")

    def _count(self) -> None:
        self._members += 1
        if self._members > MAX_MEMBERS:
            raise ArchiveError(f"more than {MAX_MEMBERS} members")

    def _member(self, reader: Reader, header: _Header, raw_name: bytes | None) -> Member | None:
        name = "" if raw_name is None else _tidy(raw_name.decode("utf-8", "surrogateescape"))
        is_small_program = bool(header.mode & 0o111) and header.size_bytes <= SMALL_PROGRAM_BYTES
        wanted = stat.S_ISLNK(header.mode) or is_small_program or self._wanted(name)
        keep = header.size_bytes <= MAX_CONTENT_BYTES and wanted
        content = b""
        if keep:
            content = reader.read(header.size_bytes)
        else:
            reader.skip(header.size_bytes)
        _align(reader)
        if not name or (stat.S_ISLNK(header.mode) and header.size_bytes > MAX_NAME_BYTES):
            return None
        kept = keep or not header.size_bytes
        link = None if header.link is None else (self._archives, *header.link)
        return Member(name, header.mode, header.size_bytes, content, kept, link)


def _parse_header(reader: Reader) -> _Header:
    start = reader.offset
    raw = reader.read(HEADER_BYTES)
    if raw[:6] not in MAGICS or not _FIELDS.fullmatch(raw[6:]):
        raise JunkError(f"no cpio header at byte {start} of its archive")
    mode, links = _field(raw, 1), _field(raw, 4)
    same = None
    if links > 1 and not stat.S_ISDIR(mode):
        same = (_field(raw, 0), stat.S_IFMT(mode), _field(raw, 7), _field(raw, 8))
    return _Header(mode, size_bytes=_field(raw, 6), name_bytes=_field(raw, 11), link=same)


def _field(raw: bytes, index: int) -> int:
    start = 6 + 8 * index
    return int(raw[start : start + 8], 16)


def _read_name(reader: Reader, size: int) -> bytes | None:
    """The name without its final NUL; None for one that the kernel leaves out."""
    if not 0 < size <= MAX_NAME_BYTES:
        reader.skip(size)
        _align(reader)
        return None
    name = reader.read(size)
    _align(reader)
    return name.split(b"\0", 1)[0]


def _align(reader: Reader) -> None:
    """Names and contents are padded to 4 bytes, counted from the start of the archive's stream."""
    padding = -reader.offset % 4
    if padding and reader.peek(1):
        reader.skip(min(padding, len(reader.peek(padding))))


def _tidy(name: str) -> str:
    while name.startswith(("./", "/")):
        name = name.removeprefix("./").removeprefix("/")
    return "" if name == "." else name
