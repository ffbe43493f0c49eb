"""A hostile qcow2 at the command line: exit status 3 in less than a second, and no output."""

import os
import resource
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zstandard
from support.cli import IMGTOOL, assert_clean_failure, imgtool
from support.hostile import with_giant_l1
from support.images import create, patch, patch_u64, qemu_io, read_u64
from support.peak import run_and_peak

KIB = 1 << 10
CLUSTER = 64 * KIB
OFFSET = 0x00FFFFFFFFFFFE00
OWN, COMPRESSED = 1 << 63, 1 << 62
MAX_CPU_SECONDS = 1.0
"""Of the whole process. It is 0.2 where nothing else runs, nearly all of which is its start."""


@contextmanager
def a_second() -> Iterator[None]:
    """Of the children's processors: a busy machine makes them wait, but not work more."""
    before = _cpu_seconds()
    yield
    assert _cpu_seconds() - before < MAX_CPU_SECONDS


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def assert_refused(image: Path, says: str, *options: str) -> None:
    with a_second():
        failed = imgtool("convert", image, image.with_name("output"), *(options or ("-O", "raw")))
    assert_clean_failure(failed, 3, str(image), says)
    assert os.listdir(image.parent) == [image.name]


READ_ANYWAY = ("-O", "raw", "--force")
"""What is appended has no refcounts, which is refused before: here the reader is to come to it."""


class Image:
    """Clusters 0 and 1 of the disk are standard, 16 is compressed; 40 is free to be anything."""

    def __init__(self, path: Path, compression: str = "zlib") -> None:
        self.path = create(path, "qcow2", "8M", f"compression_type={compression}")
        qemu_io(path, ["write -P 7 0 128k", "write -c -P 8 1M 64k"])
        self.places = {
            "L1 table": read_u64(path, 40),
            "L2 table": read_u64(path, read_u64(path, 40)) & OFFSET,
            "refcount table": read_u64(path, 48),
            "refcount block": read_u64(path, read_u64(path, 48)),
        }
        self.places["data"] = self.entry(0) & OFFSET

    def entry(self, index: int) -> int:
        return read_u64(self.path, self.places["L2 table"] + index * 8)

    def write(self, index: int, entry: int) -> Path:
        return patch_u64(self.path, self.places["L2 table"] + index * 8, entry)


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image(tmp_path / "x.qcow2")


@pytest.mark.parametrize("place", ["L1 table", "L2 table", "refcount table", "refcount block", "data"])
@pytest.mark.parametrize("flag", [OWN, COMPRESSED], ids=["standard", "compressed"])
def test_an_entry_that_points_at_a_table(place: str, flag: int, image: Image) -> None:
    says = "points at the header or at a table, or at one cluster twice"
    assert_refused(image.write(40, flag | image.places[place]), says)


@pytest.mark.parametrize(
    "options", [["-O", "qcow2"], ["-c", "zstd"], ["-O", "raw", "--preallocation", "full"]]
)
def test_wherever_it_goes(options: list[str], image: Image) -> None:
    assert_refused(image.write(40, image.entry(0)), "at one cluster twice", *options)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (OWN | 1 << 40, "beyond the file's end"),
        (COMPRESSED | 1 << 45, "beyond the file's end"),
        (OWN | 5 << 16 | 512, "impossible entry"),
        (OWN | 1 << 61, "impossible entry"),
        (COMPRESSED | 5, "impossible compressed entry"),
    ],
)
def test_an_entry_that_cannot_be(entry: int, says: str, image: Image) -> None:
    assert_refused(image.write(40, entry), says)


def test_the_last_entry_of_a_large_image(tmp_path: Path) -> None:
    """It is found before a byte is written, not after the hundreds of megabytes that come before it."""
    path = create(tmp_path / "x.qcow2", "qcow2", "100G", "preallocation=metadata")
    last_table = read_u64(path, read_u64(path, 40) + 8 * 199) & OFFSET
    patch_u64(path, last_table + 8 * 8191, OWN | read_u64(path, 40))
    assert_refused(path, "points at the header or at a table")


def test_the_largest_table_takes_little_memory(tmp_path: Path) -> None:
    clusters = range(1 << 15, (1 << 15) + (4 << 20) - 1)
    image = with_giant_l1(tmp_path / "x.qcow2", [*clusters, clusters[0]])
    failed, peak_bytes = run_and_peak([IMGTOOL, "convert", image, tmp_path / "output", "-O", "raw"])
    assert_clean_failure(failed, 3, "the same entry twice")
    assert peak_bytes < 200 << 20


def _deflate(content: bytes) -> bytes:
    deflater = zlib.compressobj(9, wbits=-12)
    return deflater.compress(content) + deflater.flush()


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "zlib": _deflate,
    "zstd": zstandard.compress,
    "zstd that does not tell its size": zstandard.ZstdCompressor(write_content_size=False).compress,
}


@pytest.mark.parametrize("how", COMPRESS)
@pytest.mark.parametrize(
    "content",
    [b"", b"a" * (CLUSTER - 1), b"a" * (CLUSTER + 1), bytes(50 << 20)],
    ids=["nothing", "a byte too few", "a byte too many", "50 MiB"],
)
def test_a_compressed_cluster_of_another_size(how: str, content: bytes, tmp_path: Path) -> None:
    image = Image(tmp_path / "x.qcow2", how.split(maxsplit=1)[0])
    assert_refused(_append(image, COMPRESS[how](content)), "compressed clusters", *READ_ANYWAY)


@pytest.mark.parametrize("how", COMPRESS)
@pytest.mark.parametrize("by", ["its end", "its sectors", "the file's end", "noise"])
def test_a_compressed_cluster_that_is_cut(how: str, by: str, tmp_path: Path) -> None:
    image = Image(tmp_path / "x.qcow2", how.split(maxsplit=1)[0])
    data = COMPRESS[how](os.urandom(CLUSTER // 2) + bytes(CLUSTER // 2))
    if by == "its sectors":
        _append(image, data, sectors=40)
    elif by == "the file's end":
        _append(image, data)
        os.truncate(image.path, image.path.stat().st_size - 2000)
    else:
        _append(image, data[:9000] + (bytes(len(data)) if by == "its end" else os.urandom(len(data))))
    assert_refused(image.path, "compressed clusters", *READ_ANYWAY)


def _append(image: Image, data: bytes, sectors: int | None = None) -> Path:
    """Compressed `data` as cluster 40 of the disk, in the file's next clusters."""
    place = -(-image.path.stat().st_size // CLUSTER) * CLUSTER
    patch(image.path, place, data.ljust(1, b"\0"))
    more_sectors = (max(1, len(data)) - 1) // 512 if sectors is None else sectors
    return image.write(40, COMPRESSED | more_sectors << 54 | place)
