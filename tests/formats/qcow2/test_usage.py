"""What L2 tables may point at; `qemu-img check` is the judge of what is refused."""

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from support.images import create, patch, patch_u64, qemu_img, qemu_io, read_u64

from imgtool.errors import ImageUnreadableError
from imgtool.formats.qcow2 import header as qcow2_header
from imgtool.formats.qcow2 import tables as qcow2_tables
from imgtool.formats.qcow2.tables import COMPRESSED, COPIED, OFFSET_MASK, ZERO
from imgtool.formats.qcow2.usage import check_l2_tables
from imgtool.formats.source import open_source

CLUSTER = 64 << 10


class Image:
    """Clusters 0 and 1 of the disk are standard ones, so is 48, 16 and 17 are compressed; in this order they
    stand in the file, the standard one behind the compressed ones.
    """

    def __init__(self, path: Path, *options: str) -> None:
        self.path = create(path, "qcow2", "8M", *options)
        qemu_io(path, ["write -P 7 0 128k", "write -c -P 8 1M 64k", "write -c -P 9 1088k 64k"])
        qemu_io(path, ["write -P 6 3M 64k"])
        self.l1 = read_u64(path, 40)
        self.l2 = read_u64(path, self.l1) & OFFSET_MASK
        self.refcount_table = read_u64(path, 48)
        self.refcount_block = read_u64(path, self.refcount_table)

    def entry(self, index: int) -> int:
        return read_u64(self.path, self.l2 + index * 8)

    def write(self, index: int, entry: int) -> None:
        patch_u64(self.path, self.l2 + index * 8, entry)

    def write_refcount(self, offset: int, count: int) -> None:
        patch(self.path, self.refcount_block + offset // CLUSTER * 2, count.to_bytes(2, "big"))


def judge(path: Path) -> None:
    with open_source(path) as file:
        header = qcow2_header.parse(file.read_at(0, CLUSTER))
        l1, clusters = qcow2_tables.read_tables(file.read_at, header, file.size_bytes)
        check_l2_tables(file.read_at, header, l1, clusters)


def is_corrupt(path: Path) -> bool:
    """Whether qemu-img finds corruptions, apart from leaks."""
    return subprocess.run(["qemu-img", "check", "-q", "-f", "qcow2", path], check=False).returncode == 2


@pytest.fixture(params=["compat=1.1", "compat=0.10"])
def image(request, tmp_path: Path) -> Image:
    return Image(tmp_path / "x.qcow2", request.param)


def share_without_owner(image: Image) -> None:
    place = image.entry(0) & OFFSET_MASK
    for index in (0, 40):
        image.write(index, place)
    image.write_refcount(place, 2)


def share_compressed(image: Image) -> None:
    image.write(40, image.entry(16))
    image.write_refcount(image.entry(16) & ((1 << 54) - 1), 3)


def snapshot(image: Image) -> None:
    qemu_img("snapshot", "-c", "s1", image.path)
    qemu_io(image.path, ["write -P 3 64k 1M"])


def give_back(image: Image) -> None:
    snapshot(image)
    qemu_img("snapshot", "-d", "s1", image.path)


def cut_the_last_sector_short(image: Image) -> None:
    """QEMU fills the last sector of a compressed cluster up, others do not."""
    place = -(-image.path.stat().st_size // CLUSTER) * CLUSTER
    patch(image.path, place, b"compressed")
    image.write(40, COMPRESSED | place)
    image.write_refcount(place, 1)


@pytest.mark.parametrize(
    "change",
    [lambda _: None, share_without_owner, share_compressed, snapshot, give_back, cut_the_last_sector_short],
)
def test_what_may_be(change: Callable[[Image], None], image: Image) -> None:
    change(image)
    judge(image.path)
    assert not is_corrupt(image.path)


def standard(offset: Callable[[Image], int], flags: int = COPIED) -> Callable[[Image], int]:
    return lambda image: flags | offset(image) & OFFSET_MASK


HOSTILE: Sequence[tuple[str, Callable[[Image], int], str]] = [
    ("another entry's own cluster", standard(lambda image: image.entry(0)), "one cluster twice"),
    ("the same without a claim", standard(lambda image: image.entry(0), 0), "one cluster twice"),
    ("a compressed one's cluster", standard(lambda image: image.entry(16) & ~0xFFFF), "one cluster twice"),
    ("the same, as compressed", lambda image: COMPRESSED | image.entry(1) & OFFSET_MASK, "one cluster twice"),
    ("L1 table", standard(lambda image: image.l1), "at a table"),
    ("its own table", standard(lambda image: image.l2), "at a table"),
    ("its own table, unclaimed", standard(lambda image: image.l2, 0), "at a table"),
    ("its own table, as compressed", lambda image: COMPRESSED | image.l2 + 5, "at a table"),
    ("refcount table", standard(lambda image: image.refcount_table), "at a table"),
    ("refcount block", standard(lambda image: image.refcount_block), "at a table"),
    ("refcount block, as compressed", lambda image: COMPRESSED | image.refcount_block + 99, "at a table"),
    ("into its neighbour, compressed", lambda image: image.entry(17) | 128 << 54, "one cluster twice"),
    ("beyond", lambda _: COPIED | 1 << 40, "beyond the file's end"),
    ("beyond, unclaimed", lambda _: 1 << 40, "beyond the file's end"),
    ("beyond, compressed", lambda _: COMPRESSED | 1 << 45, "beyond the file's end"),
    ("unaligned", standard(lambda image: image.entry(0) + 512), "impossible entry"),
    ("reserved bits", lambda _: COPIED | 1 << 61, "impossible entry"),
    ("header, as compressed", lambda _: COMPRESSED | 5, "impossible compressed entry"),
    ("compressed and one user's", lambda image: COPIED | image.entry(16), "impossible"),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "says"), [row[1:] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_what_cannot_be(entry: Callable[[Image], int], says: str, image: Image) -> None:
    image.write(40, entry(image))
    assert is_corrupt(image.path)
    with pytest.raises(ImageUnreadableError, match=says):
        judge(image.path)


def test_a_compressed_cluster_may_claim_too_many_sectors_at_the_end(image: Image) -> None:
    """Some writers do not count them. QEMU reads it; its check counts a cluster that is not there."""
    cut_the_last_sector_short(image)
    image.write(40, image.entry(40) | 129 << 54)
    judge(image.path)


def test_a_compressed_cluster_that_reaches_beyond_the_next_one(image: Image) -> None:
    image.write(16, image.entry(16) | 128 << 54)
    assert is_corrupt(image.path)
    with pytest.raises(ImageUnreadableError, match="one cluster twice"):
        judge(image.path)


@pytest.mark.parametrize("flag", [COPIED, 0, COMPRESSED])
def test_it_does_not_matter_who_comes_first(flag: int, image: Image) -> None:
    image.write(0, flag | image.entry(1) & OFFSET_MASK)
    assert is_corrupt(image.path)
    with pytest.raises(ImageUnreadableError, match="one cluster twice"):
        judge(image.path)


@pytest.mark.parametrize("place", ["own cluster", "beyond", "table"])
def test_a_cluster_of_zeros_keeps_its_place(place: str, tmp_path: Path) -> None:
    image = Image(tmp_path / "x.qcow2")
    offset = {"own cluster": image.entry(0) & OFFSET_MASK, "beyond": 1 << 40, "table": image.refcount_block}[
        place
    ]
    image.write(0, image.entry(0) | ZERO)
    judge(image.path)
    image.write(40, COPIED | offset | ZERO)
    assert is_corrupt(image.path)
    with pytest.raises(ImageUnreadableError):
        judge(image.path)


def test_version_2_knows_no_zeros(tmp_path: Path) -> None:
    image = Image(tmp_path / "x.qcow2", "compat=0.10")
    image.write(40, ZERO)
    with pytest.raises(ImageUnreadableError, match="impossible entry"):
        judge(image.path)


def test_entries_without_a_place(tmp_path: Path) -> None:
    image = Image(tmp_path / "x.qcow2")
    for index, entry in enumerate([ZERO, COPIED, COPIED | ZERO, ZERO], 40):
        image.write(index, entry)
    judge(image.path)


def test_entries_that_follow_each_other_over_many_tables(tmp_path: Path) -> None:
    """With clusters of 512 bytes a table has 64 entries; the last one points at the first's cluster."""
    path = create(tmp_path / "x.qcow2", "qcow2", "1M", "cluster_size=512")
    qemu_io(path, ["write -P 7 0 1M"])
    judge(path)
    l1 = read_u64(path, 40)
    first, last = (read_u64(path, l1 + index * 8) & OFFSET_MASK for index in (0, 31))
    patch_u64(path, last + 63 * 8, read_u64(path, first))
    with pytest.raises(ImageUnreadableError, match="one cluster twice"):
        judge(path)
