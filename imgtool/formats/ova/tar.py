"""A tar archive, read in place: the names of its files, and where they stand. Nothing is extracted.

It is stricter than the programs that extract: an archive of links, devices, sparse files, names that lead out
of it, or two files of one name is refused, as those programs disagree about what is inside.

Source: POSIX.1-2017, pax, "ustar Interchange Format", "pax Interchange Format"; GNU tar, "Basic Tar Format".
"""

from collections.abc import Iterator
from typing import NamedTuple

from imgtool.errors import ImageUnreadableError, UnsafeImageError
from imgtool.formats.source import ReadAt
from imgtool.util.text import printable

MAX_MEMBERS = 512
"""An OVA has a few; each extended header counts as well."""
MAX_NAME_BYTES = 1024
MAX_RECORDS_BYTES = 64 << 10
"""Of one extended header."""

_BLOCK_BYTES = 512
_NAME, _SIZE, _SUM, _TYPE, _MAGIC, _PREFIX = (
    slice(0, 100), slice(124, 136), slice(148, 156), slice(156, 157), slice(257, 263), slice(345, 500),
)  # fmt: skip
_FILES = frozenset({b"0", b"\0", b"7"})
"""7 is a contiguous file: since its invention nobody has made a difference."""
_FOLDER, _LONG_NAME, _RECORDS, _RECORDS_FOR_ALL = b"5", b"L", b"x", b"g"
_EXTENDED = frozenset({_LONG_NAME, _RECORDS, _RECORDS_FOR_ALL})
"""Headers that say something of the next member, or of all."""
_OTHERS = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a character device",
    b"4": "a block device",
    b"6": "a FIFO",
    b"S": "a sparse file",
}
_USED_RECORDS = frozenset({b"path", b"size"})
_SPARSE = b"GNU.sparse."
_BASE_256 = 0x80
_MAX_DIGITS = 18
"""Of what fits into 63 bits."""


class Member(NamedTuple):
    """A regular file."""

    name: bytes
    """With no `.` or `..` in it, and relative."""
    start_bytes: int
    """Of its content, in the archive."""
    size_bytes: int


class _Header(NamedTuple):
    name: bytes
    kind: bytes
    size_bytes: int


class _Archive(NamedTuple):
    read_at: ReadAt
    size_bytes: int


_Records = dict[bytes, bytes]


def read_members(read_at: ReadAt, size_bytes: int) -> Iterator[Member]:
    """The regular files of an archive of `size_bytes`, in their order, each name once.

    Raises UnsafeImageError for what could be read in more than one way or leads out of it, and
    ImageUnreadableError where it is damaged, cut off, or too long.
    """
    seen: set[bytes] = set()
    for header, start in _entries(_Archive(read_at, size_bytes)):
        name = _plain_name(header.name)
        if header.kind == _FOLDER:
            continue
        if name in seen:
            raise UnsafeImageError(f"its archive has two files of the name {_shown(name)}")
        seen.add(name)
        yield Member(name, start, header.size_bytes)


def _entries(archive: _Archive) -> Iterator[tuple[_Header, int]]:
    """Files and folders, as extended headers say of them, each with the place of its content."""
    offset, records = 0, _Records()
    for _ in range(MAX_MEMBERS):
        block = archive.read_at(offset, _BLOCK_BYTES)
        if not block.strip(b"\0"):
            return
        header, start = _parse(block), offset + _BLOCK_BYTES
        if header.kind not in _EXTENDED:
            header, records = _with_records(header, records), {}
        _check_end(archive, header, start)
        if header.kind in _EXTENDED:
            _remember(records, header.kind, _extended(archive, header, start))
        else:
            yield header, start
        offset = start + -(-header.size_bytes // _BLOCK_BYTES) * _BLOCK_BYTES
    if archive.read_at(offset, _BLOCK_BYTES).strip(b"\0"):
        raise ImageUnreadableError(f"its archive has more than {MAX_MEMBERS} members")


def _with_records(header: _Header, records: _Records) -> _Header:
    named = header._replace(name=records.get(b"path", header.name))
    return named._replace(size_bytes=_decimal(records[b"size"])) if b"size" in records else named


def _check_end(archive: _Archive, header: _Header, start: int) -> None:
    if header.size_bytes > archive.size_bytes - start:
        raise ImageUnreadableError(
            f"its archive ends within {_shown(header.name)}: the file is cut off", hint="fetch it again"
        )


def _parse(block: bytes) -> _Header:
    if len(block) < _BLOCK_BYTES:
        raise ImageUnreadableError("its archive is cut off", hint="fetch it again")
    blank = block[: _SUM.start] + b" " * 8 + block[_SUM.stop :]
    if _octal(block[_SUM]) != sum(blank):
        raise ImageUnreadableError("its archive is damaged: the checksum of a header is wrong")
    kind, name = block[_TYPE], block[_NAME].split(b"\0")[0]
    if kind not in _FILES | _EXTENDED | {_FOLDER}:
        what = _OTHERS.get(kind, f"of the type {kind!r}, which nobody knows")
        raise UnsafeImageError(f"its archive has a member, {_shown(name)}, that is {what}")
    prefix = block[_PREFIX].split(b"\0")[0] if block[_MAGIC] == b"ustar\0" else b""
    size = _number(block[_SIZE])
    if kind == _FOLDER and size:
        raise UnsafeImageError(f"its archive has a folder with content, {_shown(name)}")
    return _Header(prefix + b"/" + name if prefix else name, kind, size)


def _number(field: bytes) -> int:
    """Octal, or GNU tar's base 256, which the first bit says; all bits of its first byte are a negative's."""
    if field[0] < _BASE_256:
        return _octal(field)
    if field[0] != _BASE_256:
        raise ImageUnreadableError("its archive is damaged: the size of a member is negative, or huge")
    return int.from_bytes(field[1:], "big")


def _octal(field: bytes) -> int:
    """Read a number and what ends it. GNU tar passes over a zero byte before it, and tarfile ends there."""
    digits = field.rstrip(b" \0").lstrip(b" ")
    if digits and not digits.strip(b"01234567"):
        return int(digits, 8)
    if digits:
        raise ImageUnreadableError("its archive is damaged: a number of a header is none")
    return 0


def _extended(archive: _Archive, header: _Header, start: int) -> _Records:
    """What an extended header says of the member behind it."""
    if header.size_bytes > MAX_RECORDS_BYTES:
        raise ImageUnreadableError(f"its archive has an extended header of {header.size_bytes} bytes")
    content = archive.read_at(start, header.size_bytes)
    if header.kind == _LONG_NAME:
        return {b"path": content.split(b"\0")[0]}
    return dict(_records(content))


def _records(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """LENGTH KEY=VALUE and a line's end, each; those keys that change what the archive is."""
    while content:
        digits, _, _ = content[:20].partition(b" ")
        length = _decimal(digits)
        record, content = content[:length], content[length:]
        key, equals, value = record[len(digits) + 1 :].partition(b"=")
        if len(record) != length or not equals or not value.endswith(b"\n"):
            raise ImageUnreadableError("its archive is damaged: an extended header is none")
        if key.startswith(_SPARSE):
            raise UnsafeImageError("its archive has a sparse file")
        if key in _USED_RECORDS:
            yield key, value[:-1]


def _remember(records: _Records, kind: bytes, more: _Records) -> None:
    if kind == _RECORDS_FOR_ALL and more:
        raise UnsafeImageError("its archive gives all of its members one name, or size")
    if records.keys() & more.keys():
        raise UnsafeImageError("its archive gives a member two names, or sizes")
    records.update(more)


def _decimal(digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > _MAX_DIGITS:
        raise ImageUnreadableError("its archive is damaged: a number of an extended header is none")
    return int(digits)


def _plain_name(name: bytes) -> bytes:
    parts = [part for part in name.split(b"/") if part not in {b"", b"."}]
    if name.startswith(b"/") or b".." in parts or b"\0" in name or len(name) > MAX_NAME_BYTES:
        raise UnsafeImageError(f"its archive has a member whose name leads out of it: {_shown(name)}")
    return b"/".join(parts)


def _shown(name: bytes) -> str:
    return f"'{printable(name[:200].decode('utf-8', 'replace'))}'"
