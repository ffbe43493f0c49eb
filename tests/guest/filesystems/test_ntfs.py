"""NTFS: names, identity, the dirty flag and the log, links, and what is not read."""

import io
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.fixtures import FIXTURES

sys.path.insert(0, str(FIXTURES / "recipe"))

from disks import Part
from ntfs import make_ntfs, mounted_ntfs

from imgtool.guest.filesystems import open_filesystem
from imgtool.guest.filesystems.base import Filesystem, GuestReadError, Kind, Node
from imgtool.guest.filesystems.clean import read_clean

MIB = 1 << 20
SERIAL = "0123456789ABCDEF"
RECORD = 1024
SYMLINK_TAG, MOUNT_POINT_TAG, WOF_TAG = 0xA000000C, 0xA0000003, 0x80000017
COMPRESSED_ATTRIBUTE = 0x800

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting by FUSE needs root")

Fill = Callable[[Path], None]


def nothing(_top: Path) -> None:
    """Leaves it as it is."""


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., bytes]:
    """Makes a volume with what a function writes into its mounted top directory; its bytes."""

    def made(fill: Fill = nothing, label: str = "label") -> bytes:
        (tmp_path / "empty").mkdir()
        volume = tmp_path / "volume"
        make_ntfs(volume, Part(0, 16 * MIB), tmp_path / "empty", SERIAL, label)
        with mounted_ntfs(volume) as top:
            fill(top)
        return volume.read_bytes()

    return made


def opened(content: bytes) -> Filesystem:
    found = open_filesystem(io.BytesIO(content), len(content))
    assert found is not None
    return found


def top(content: bytes) -> Node:
    return opened(content).root()


def child(node: Node, name: str) -> Node:
    found = node.child(name)
    assert found is not None, name
    return found


def record_offset(content: bytes, number: int) -> int:
    """Where a record of the master file table stands; the table begins in one piece."""
    cluster = struct.unpack_from("<H", content, 0x0B)[0] * content[0x0D]
    start: int = struct.unpack_from("<Q", content, 0x30)[0] * cluster
    return start + number * RECORD


def attribute_offset(content: bytes, record: int, kind: int) -> int:
    """Where an attribute of that type stands in a record."""
    offset = record + struct.unpack_from("<H", content, record + 0x14)[0]
    while True:
        here, length = struct.unpack_from("<II", content, offset)
        if here == kind:
            return offset
        if here == 0xFFFFFFFF or length == 0:
            raise LookupError(kind)
        offset += length


def changed(content: bytes, offset: int, data: bytes) -> bytes:
    return content[:offset] + data + content[offset + len(data) :]


@pytest.mark.parametrize("label", ["Windows", "Système ☃"])
def test_label_and_serial_number(make: Callable[..., bytes], label: str) -> None:
    found = opened(make(label=label))
    assert (found.type, found.label, found.uuid) == ("ntfs", label, SERIAL)


def test_the_serial_number_is_what_blkid_prints(make: Callable[..., bytes], tmp_path: Path) -> None:
    found = opened(make())
    printed = subprocess.run(
        ["blkid", "-p", "-o", "value", "-s", "UUID", tmp_path / "volume"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.uuid == printed.stdout.strip()


@pytest.mark.parametrize(
    "name", ["viostor.sys", "A rather long name.config", "Zoë ☃.txt", "straße", "😀", "x" * 250]
)
def test_names_are_kept_and_found_in_any_case(make: Callable[..., bytes], name: str) -> None:
    node = top(make(lambda here: (here / name).write_bytes(b"content") and None))
    assert [entry for entry, _ in node.children()] == [name]
    others = () if "ß" in name else (name.lower(), name.swapcase())
    for asked in (name, *others):
        assert child(node, asked).size_bytes == 7


def test_two_names_that_differ_in_case_are_both_there(make: Callable[..., bytes]) -> None:
    def fill(here: Path) -> None:
        (here / "Name").write_bytes(b"1")
        (here / "NAME").write_bytes(b"22")

    node = top(make(fill))
    assert (child(node, "Name").size_bytes, child(node, "NAME").size_bytes) == (1, 2)


def test_an_entry_that_was_removed_is_gone(make: Callable[..., bytes]) -> None:
    """Its directory block may still hold it."""

    def fill(here: Path) -> None:
        for number in range(300):
            (here / f"a rather long name of a file {number:04}").write_bytes(b"")
        for number in range(1, 300):
            (here / f"a rather long name of a file {number:04}").unlink()

    assert [name for name, _ in top(make(fill)).children()] == ["a rather long name of a file 0000"]


def test_attributes_that_do_not_fit_into_one_record_are_found(make: Callable[..., bytes]) -> None:
    """Streams beside the content push it out of the first record, into a list of attributes."""
    content = bytes(range(256)) * 1024

    def fill(here: Path) -> None:
        (here / "file").write_bytes(content)
        for number in range(100):
            os.setxattr(here / "file", f"user.stream-{number:03}", b"x" * 64)

    volume = make(fill)
    with child(top(volume), "file").open() as stream:
        assert stream.read() == content
    record = next(n for n in range(24, 4096) if is_listed(volume, n))
    listed = attribute_offset(volume, record_offset(volume, record), 0x20)
    resident = volume[listed + 8] == 0
    assert resident or struct.unpack_from("<Q", volume, listed + 48)[0] > 24


def is_listed(volume: bytes, number: int) -> bool:
    start = record_offset(volume, number)
    if volume[start : start + 4] != b"FILE":
        return False
    try:
        attribute_offset(volume, start, 0x20)
    except LookupError:
        return False
    return True


def test_what_was_not_written_yet_reads_as_zeros(make: Callable[..., bytes]) -> None:
    """An attribute's valid length may be below its size: what stands in its clusters is somebody else's."""
    volume = make(lambda here: (here / "file").write_bytes(b"S" * 20_000) and None)
    number = next(n for n in range(24, 200) if has_content(volume, n, 20_000))
    valid = attribute_offset(volume, record_offset(volume, number), 0x80) + 56
    with child(top(changed(volume, valid, struct.pack("<Q", 5000))), "file").open() as stream:
        assert stream.read() == b"S" * 5000 + bytes(15_000)


def has_content(volume: bytes, number: int, size: int) -> bool:
    start = record_offset(volume, number)
    if volume[start : start + 4] != b"FILE":
        return False
    try:
        data = attribute_offset(volume, start, 0x80)
    except LookupError:
        return False
    return volume[data + 8] == 1 and struct.unpack_from("<Q", volume, data + 48)[0] == size


# ---------------------------------------------------------------- links and other reparse points


def reparse(tag: int, data: bytes) -> bytes:
    return struct.pack("<IHH", tag, len(data), 0) + data


def symlink(target: str, *, relative: bool) -> bytes:
    name = target.encode("utf-16-le")
    header = struct.pack("<HHHHI", 0, len(name), len(name), len(name), int(relative))
    return reparse(SYMLINK_TAG, header + name + name)


def junction(target: str) -> bytes:
    name = target.encode("utf-16-le")
    return reparse(MOUNT_POINT_TAG, struct.pack("<HHHH", 0, len(name), len(name) + 2, 0) + name + bytes(4))


def test_a_relative_link_is_told_in_posix_terms(make: Callable[..., bytes]) -> None:
    def fill(here: Path) -> None:
        (here / "link").write_bytes(b"")
        os.setxattr(here / "link", "system.ntfs_reparse_data", symlink("..\\a\\b", relative=True))

    node = child(top(make(fill)), "link")
    assert (node.kind, node.link_target()) == (Kind.SYMLINK, "../a/b")


def test_a_link_to_a_drive_leads_nobody_knows_where(make: Callable[..., bytes]) -> None:
    def fill(here: Path) -> None:
        (here / "junction").mkdir()
        os.setxattr(here / "junction", "system.ntfs_reparse_data", junction("\\??\\D:\\data"))

    node = child(top(make(fill)), "junction")
    assert node.kind is Kind.SYMLINK
    with pytest.raises(GuestReadError, match="D:"):
        node.link_target()


def test_a_file_whose_content_is_elsewhere_is_there_and_not_read(make: Callable[..., bytes]) -> None:
    """What Windows compresses for a compact installation has an empty content and a reparse point."""

    def fill(here: Path) -> None:
        (here / "program.exe").write_bytes(b"")
        os.setxattr(here / "program.exe", "system.ntfs_reparse_data", reparse(WOF_TAG, bytes(16)))

    node = child(top(make(fill)), "program.exe")
    assert node.kind is Kind.FILE
    with pytest.raises(GuestReadError, match="elsewhere"):
        node.open()


def test_a_compressed_file_says_so(make: Callable[..., bytes]) -> None:
    def fill(here: Path) -> None:
        (here / "directory").mkdir()
        flags = struct.pack("<I", COMPRESSED_ATTRIBUTE | 0x10)
        os.setxattr(here / "directory", "system.ntfs_attrib", flags)
        (here / "directory/file").write_bytes(b"compress me " * 20_000)

    node = child(child(top(make(fill)), "directory"), "file")
    assert node.size_bytes == 240_000
    with pytest.raises(GuestReadError, match="compressed by NTFS"):
        node.open()


# ---------------------------------------------------------------- clean


def cleanliness(content: bytes) -> tuple[bool, str]:
    found = read_clean("ntfs", io.BytesIO(content), len(content))
    return found.value, found.evidence


def test_one_that_was_unmounted_is_clean(make: Callable[..., bytes]) -> None:
    assert cleanliness(make())[0]


def test_the_dirty_flag_is_told(make: Callable[..., bytes], tmp_path: Path) -> None:
    make()
    subprocess.run(["ntfsfix", tmp_path / "volume"], check=True, stdout=subprocess.DEVNULL)
    assert cleanliness((tmp_path / "volume").read_bytes()) == (False, "$Volume is marked as dirty")


def restart_page(number: int, in_use: int, flags: int) -> bytes:
    header = b"RSTR" + struct.pack("<HHQIIHHHH", 30, 9, 0, 4096, 4096, 0x30, 0, 1, 1)
    area = struct.pack("<QHHHH", number, 1, 0xFFFF, in_use, flags)
    return (header.ljust(0x30, b"\0") + area).ljust(4096, b"\0")


def log_offset(content: bytes) -> int:
    """By the first run of $LogFile's content."""
    data = attribute_offset(content, record_offset(content, 2), 0x80)
    runs = data + struct.unpack_from("<H", content, data + 32)[0]
    lengths = content[runs]
    first = runs + 1 + (lengths & 15)
    return 4096 * int.from_bytes(content[first : first + (lengths >> 4)], "little")


@pytest.mark.parametrize(
    ("pages", "clean"),
    [
        ((restart_page(1, 0xFFFF, 0), restart_page(2, 0xFFFF, 0)), True),
        ((restart_page(1, 0, 2), restart_page(1, 0, 2)), True),
        ((restart_page(1, 0, 0), restart_page(1, 0, 0)), False),
        ((restart_page(9, 0xFFFF, 0), restart_page(8, 0, 0)), True),
        ((restart_page(8, 0xFFFF, 0), restart_page(9, 0, 0)), False),
    ],
)
def test_a_log_that_was_in_use_has_to_be_replayed(
    make: Callable[..., bytes], pages: tuple[bytes, bytes], clean: bool
) -> None:
    volume = make()
    assert cleanliness(changed(volume, log_offset(volume), b"".join(pages)))[0] is clean


# ---------------------------------------------------------------- damage


def test_a_damaged_directory_block_is_an_error_and_not_an_empty_one(make: Callable[..., bytes]) -> None:
    volume = make(lambda here: [(here / f"name {n}").mkdir() for n in range(200)] and None)
    block = volume.index(b"INDX", 4 * MIB if volume.find(b"INDX", 4 * MIB) > 0 else 0)
    blocks = [at for at in range(0, len(volume), 4096) if volume[at : at + 4] == b"INDX"]
    assert block in blocks
    spoiled = volume
    for at in blocks:
        spoiled = changed(spoiled, at, b"BAAD")
    with pytest.raises(GuestReadError, match="no directory block"):
        list(top(spoiled).children())


def test_a_directory_that_leads_in_circles_ends(make: Callable[..., bytes]) -> None:
    """A block is made to name itself as the one below its first entry."""
    volume = make(lambda here: [(here / f"name {n}").mkdir() for n in range(300)] and None)
    blocks = [at for at in range(0, len(volume), 4096) if volume[at : at + 4] == b"INDX"]
    above = next(at for at in blocks if volume[at + 36] & 1)
    first = above + 24 + struct.unpack_from("<I", volume, above + 24)[0]
    below = first + struct.unpack_from("<H", volume, first + 8)[0] - 8
    with pytest.raises(GuestReadError, match="used twice"):
        list(top(changed(volume, below, volume[above + 16 : above + 24])).children())


@pytest.mark.parametrize(
    ("offset", "data", "reason"),
    [
        (0x0B, b"\0\0", "sector or cluster"),
        (0x0D, b"\x03", "sector or cluster"),
        (0x0D, b"\x90", "sector or cluster"),
        (0x40, b"\x80", "file record"),
        (0x40, b"\0", "file record"),
        (0x30, b"\xff" * 4, "outside of the master file table"),
    ],
)
def test_impossible_sizes_are_named(
    make: Callable[..., bytes], offset: int, data: bytes, reason: str
) -> None:
    found = opened(changed(make(), offset, data))
    assert (found.type, found.label, found.uuid) == ("ntfs", None, SERIAL)
    with pytest.raises(GuestReadError, match=reason):
        found.root()
