"""Initramfs archives, made by the programs that make real ones."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

COMPRESSORS: Mapping[str, tuple[str, ...]] = {
    "gzip": ("gzip", "-n"),
    "xz": ("xz", "--check=crc32"),
    "lzma": ("xz", "--format=lzma"),
    "zstd": ("zstd", "-q"),
    "bzip2": ("bzip2",),
    "lz4": ("lz4", "-l", "-q"),
    "lzo": ("lzop", "-9"),
}
"""As mkinitramfs and dracut call them."""


def cpio(directory: Path, files: Mapping[str, bytes | str], kind: str = "newc") -> bytes:
    """An archive of `files`, by cpio; a value that begins with `->` is a symbolic link."""
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str) and content.startswith("->"):
            path.symlink_to(content.removeprefix("->"))
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
    names = sorted({str(p.relative_to(directory)) for p in directory.rglob("*")})
    command = ["cpio", "-o", "-H", kind, "--quiet"]
    return subprocess.run(
        command, input="\n".join(names).encode(), cwd=directory, capture_output=True, check=True
    ).stdout


def compress(method: str, content: bytes) -> bytes:
    """`content` through the program for `method`."""
    command = [*COMPRESSORS[method], "-c"]
    return subprocess.run(command, input=content, capture_output=True, check=True).stdout


@dataclass(frozen=True)
class Entry:
    """A member with a mode of its own: 0o120777 makes `body` the target of a link."""

    body: bytes = b""
    mode: int = 0o100755
    inode: int = 1
    links: int = 1


def newc(
    members: Mapping[str, bytes | Entry],
    *,
    mode: int = 0o100644,
    trailer: bool = True,
    parents: bool = False,
) -> bytes:
    """An archive in the "newc" format, by its specification: for tests that need thousands of them.

    `parents`: the directories above come first, as `find` names them.
    """
    entries = {name: one if isinstance(one, Entry) else Entry(one, mode) for name, one in members.items()}
    if parents:
        entries = _with_parents(entries)
    parts = [_member(name.encode("utf-8", "surrogateescape"), one) for name, one in entries.items()]
    return b"".join(parts) + (_member(b"TRAILER!!!", Entry(mode=0)) if trailer else b"")


def _with_parents(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for name, entry in entries.items():
        above = name.split("/")[:-1]
        for depth in range(1, len(above) + 1):
            found.setdefault("/".join(above[:depth]), Entry(mode=0o040755))
        found[name] = entry
    return found


def _member(name: bytes, entry: Entry) -> bytes:
    body = entry.body
    fields = (entry.inode, entry.mode, 0, 0, entry.links, 0, len(body), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name + b"\0"
    return _padded(head) + _padded(body)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
