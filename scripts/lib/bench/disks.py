"""Writes the disks: the same bytes in every run, on every machine. The Debian image is the one exception.

Data is random, or text of made-up words; random data cannot be compressed, and no program can tell one
random block from another. Each function takes a path and how many bytes the dense disk has.
"""

import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

SEED = 20240229
CHUNK = 1 << 20
CLUSTER = 64 << 10
TEXT_BLOCK = 4 << 20
"""So much text is made and repeated: no compressor of qcow2 looks back further than one cluster."""
SCATTERED_BYTES = 64 << 20
BUILD_IMAGE = Path(__file__).resolve().parents[2] / "build-image"


class DiskError(Exception):
    """A disk that cannot be had here."""


def _sized(path: Path, size_bytes: int) -> None:
    with path.open("wb") as file:
        file.truncate(size_bytes)


def _write(path: Path, size_bytes: int, pieces: Iterator[tuple[int, bytes]]) -> None:
    """A file of that size with those pieces in it, each at its offset."""
    _sized(path, size_bytes)
    with path.open("r+b", buffering=0) as file:
        for offset, piece in pieces:
            os.pwrite(file.fileno(), piece, offset)


def _seeded() -> random.Random:
    return random.Random(SEED)  # noqa: S311 - made to be repeated, not to be secret


def empty(path: Path, _size_bytes: int) -> None:
    """100 GiB of nothing, whatever the size."""
    _sized(path, 100 << 30)


def dense(path: Path, size_bytes: int) -> None:
    """Random from end to end."""
    source = _seeded()
    _write(path, size_bytes, ((at, source.randbytes(CHUNK)) for at in range(0, size_bytes, CHUNK)))


def half_zeros(path: Path, size_bytes: int) -> None:
    """A MiB of data, a MiB of zeros that are written out, and so on."""
    source, zeros = _seeded(), bytes(CHUNK)
    offsets = enumerate(range(0, size_bytes, CHUNK))
    _write(path, size_bytes, ((at, zeros if n % 2 else source.randbytes(CHUNK)) for n, at in offsets))


def half_holes(path: Path, size_bytes: int) -> None:
    """A MiB of data, a MiB of hole, and so on."""
    source = _seeded()
    _write(path, size_bytes, ((at, source.randbytes(CHUNK)) for at in range(0, size_bytes, 2 * CHUNK)))


def speckled(path: Path, size_bytes: int) -> None:
    """4 KiB of data at the start of every 64 KiB, holes between."""
    source = _seeded()
    _write(path, size_bytes, ((at, source.randbytes(4096)) for at in range(0, size_bytes, CLUSTER)))


def scattered(path: Path, size_bytes: int) -> None:
    """64 MiB of data, in clusters, somewhere on 10 TiB; less where the dense workload is smaller."""
    source, disk_bytes = _seeded(), 10 << 40
    places = source.sample(range(disk_bytes // CLUSTER), min(SCATTERED_BYTES, size_bytes) // CLUSTER)
    pieces = ((place * CLUSTER, source.randbytes(CLUSTER)) for place in sorted(places))
    _write(path, disk_bytes, pieces)


def text_like(path: Path, size_bytes: int) -> None:
    """An eighth of the dense workload, since compressing is slow: words, some far more often than others."""
    block, total = _text(), max(size_bytes // 8, CHUNK)
    _write(path, total, ((at, block[: total - at]) for at in range(0, total, TEXT_BLOCK)))


def _text() -> bytes:
    source = _seeded()
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    weights = range(len(letters), 0, -1)
    words = ["".join(source.choices(letters, weights, k=source.randint(2, 11))) for _ in range(8000)]
    by_rank = [1 / (rank + 3) for rank in range(len(words))]
    chosen = source.choices(words, by_rank, k=TEXT_BLOCK // 4)
    return " ".join(chosen).encode()[:TEXT_BLOCK].ljust(TEXT_BLOCK)


def debian(path: Path, size_bytes: int) -> None:
    """The image that scripts/build-image makes; of a smaller workload only the beginning."""
    done = subprocess.run([BUILD_IMAGE], stdout=subprocess.PIPE, encoding="utf-8", check=False)
    if done.returncode:
        raise DiskError("scripts/build-image made no image, see above")
    image = Path(done.stdout.strip())
    if size_bytes >= image.stat().st_size:
        command = ["cp", "--sparse=always", "--no-preserve=mode", str(image), str(path)]
        subprocess.run(command, check=True)
        return
    _sized(path, image.stat().st_size)
    with image.open("rb") as source, path.open("r+b") as target:
        _copy_data(source.fileno(), target.fileno(), size_bytes)


def _copy_data(source: int, target: int, limit_bytes: int) -> None:
    """The first bytes that are data, holes left out and not counted."""
    position = 0
    while limit_bytes > 0:
        try:
            position = os.lseek(source, position, os.SEEK_DATA)
        except OSError:  # ENXIO: no more data
            return
        end = min(os.lseek(source, position, os.SEEK_HOLE), position + min(limit_bytes, CHUNK))
        os.pwrite(target, os.pread(source, end - position, position), position)
        limit_bytes -= end - position
        position = end
