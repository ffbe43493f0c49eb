"""The disks of fixtures/, unpacked once a session for all workers of pytest-xdist."""

import fcntl
import hashlib
import os
import tempfile
from pathlib import Path

import zstandard

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
CHUNK_BYTES = 1 << 20
ZEROS = bytes(CHUNK_BYTES)
MAX_WINDOW_BYTES = 1 << 27
"""The window that `zstd --long=27` writes with."""


def fixture_path(name: str) -> Path:
    """The raw, sparse disk of that name; it is shared, so open it for reading only.

    Unpacked below the temporary directory under the checksum of the packed file: one that was made anew is
    unpacked anew. Raises AssertionError where the packed file is not the one in SHA256SUMS.
    """
    packed = FIXTURES / f"{name}.raw.zst"
    content = packed.read_bytes()
    checksum = hashlib.sha256(content).hexdigest()
    assert checksums()[packed.name] == checksum, f"{packed} is not the file of SHA256SUMS"
    cache = _cache_directory()
    disk = cache / f"{name}-{checksum[:16]}.raw"
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not disk.exists():
            _unpack(content, disk)
    return disk


def checksums() -> dict[str, str]:
    """File name to SHA-256, of all fixtures."""
    lines = (line.split() for line in (FIXTURES / "SHA256SUMS").read_text().splitlines())
    return {name: checksum for checksum, name in lines}


def _cache_directory() -> Path:
    directory = Path(tempfile.gettempdir()) / f"unpacked-fixtures-{os.getuid()}"
    directory.mkdir(mode=0o700, exist_ok=True)
    assert directory.stat().st_uid == os.getuid(), f"{directory} belongs to somebody else"
    return directory


def _unpack(content: bytes, disk: Path) -> None:
    """Sparse, and under its name only when whole."""
    partial = disk.with_suffix(".partial")
    decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
    size = 0
    with partial.open("wb") as file, decompressor.stream_reader(content) as reader:
        while chunk := reader.read(CHUNK_BYTES):
            if chunk != ZEROS[: len(chunk)]:
                file.seek(size)
                file.write(chunk)
            size += len(chunk)
        file.truncate(size)
    partial.rename(disk)
