"""VMDKs of two files, QEMU's word against ours; what is refused is tests/hostile/test_vmdk_pairs.py."""

import os
from pathlib import Path

import pytest
from support.hostile.vmdk_pairs import descriptor, vmdk_pair
from support.images import create, qemu_img, raw_content

from imgtool.errors import FormatMismatchError, ImageUnreadableError, UnsafeImageError
from imgtool.formats import admit, open_admitted, verify_unchanged

DISK = os.urandom(1 << 16) + bytes(1 << 20) + os.urandom(1 << 16)
NAMES = ["x", "web server", "a:b", "json:{}", "-x", "wéb", "%s", "q'\"", os.fsdecode(b"\xff\xfe"), "x-flat"]


def content(path: Path) -> bytes:
    image = admit(path)
    with open_admitted(image) as source:
        return source.read_at(0, image.file_size_bytes)


@pytest.mark.parametrize("kind", ["vmfs", "monolithicFlat"])
@pytest.mark.parametrize("named", ["x.vmdk", "x-flat.vmdk"])
def test_either_file_stands_for_the_disk(tmp_path: Path, kind: str, named: str) -> None:
    vmdk_pair(tmp_path, DISK, kind=kind)
    image = admit(tmp_path / named)
    assert (image.format, image.virtual_size_bytes, image.start_bytes) == ("raw", len(DISK), 0)
    assert content(tmp_path / named) == DISK == raw_content(tmp_path / "x.vmdk", "vmdk")
    assert image.origin.path == tmp_path / named
    assert image.path == tmp_path / "x-flat.vmdk"
    assert image.origin.file_size_bytes == len(DISK) + (tmp_path / "x.vmdk").stat().st_size
    assert image.container is not None
    assert (image.container.kind, image.container.member) == ("vmdk", "x-flat.vmdk")
    assert set(image.files) == {tmp_path / "x.vmdk", tmp_path / "x-flat.vmdk"}
    assert "x.vmdk describes it" in image.format_evidence


@pytest.mark.parametrize("stem", [name for name in NAMES if '"' not in name])
def test_names(tmp_path: Path, stem: str) -> None:
    (tmp_path / f"{stem}-flat.vmdk").write_bytes(DISK)
    line = b'RW %d VMFS "%s-flat.vmdk"' % (len(DISK) // 512, os.fsencode(stem))
    descriptor(tmp_path, "EXTENT", name=f"{stem}.vmdk")
    path = tmp_path / f"{stem}.vmdk"
    path.write_bytes(path.read_bytes().replace(b"EXTENT", line))
    assert content(path) == content(tmp_path / f"{stem}-flat.vmdk") == DISK


def test_as_qemu_img_makes_it(tmp_path: Path) -> None:
    path = tmp_path / "x.vmdk"
    (tmp_path / "disk.raw").write_bytes(DISK)
    qemu_img("convert", "-O", "vmdk", "-o", "subformat=monolithicFlat", tmp_path / "disk.raw", path)
    assert content(path) == DISK


@pytest.mark.parametrize(("more", "taken"), [(b"\0\n", True), (b"\0parentCID=1\n", False), (b"\0x", False)])
def test_what_a_shorter_content_id_leaves_behind(more: bytes, taken: bool, tmp_path: Path) -> None:
    """QEMU writes a new content ID over the old one, and the end of a text that was longer stays."""
    path = vmdk_pair(tmp_path, DISK)
    path.write_bytes(path.read_bytes().rstrip(b"\0") + more)
    if taken:
        assert content(path) == DISK
    else:
        with pytest.raises(UnsafeImageError, match="goes on behind its end"):
            content(path)


def test_lines_as_windows_writes_them(tmp_path: Path) -> None:
    path = vmdk_pair(tmp_path, DISK)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert content(path) == DISK


def test_what_is_behind_the_extent_is_not_the_disk(tmp_path: Path) -> None:
    path = vmdk_pair(tmp_path, DISK)
    with (tmp_path / "x-flat.vmdk").open("ab") as file:
        file.write(b"more")
    assert content(path) == DISK == raw_content(path, "vmdk")


def test_a_link_to_the_descriptor_is_followed_to_its_folder(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    path = vmdk_pair(tmp_path / "store", DISK)
    (tmp_path / "link.vmdk").symlink_to(path)
    assert content(tmp_path / "link.vmdk") == DISK


def test_one_that_is_no_descriptor_is_read_alone(tmp_path: Path) -> None:
    """A sparse VMDK beside a file that is named like the data of a pair."""
    create(tmp_path / "x.vmdk", "vmdk", "1M")
    (tmp_path / "x-flat.vmdk").write_bytes(DISK)
    image = admit(tmp_path / "x.vmdk")
    assert (image.format, image.container) == ("vmdk", None)


def test_the_data_alone_where_the_caller_says_raw(tmp_path: Path) -> None:
    vmdk_pair(tmp_path, DISK).unlink()
    image = admit(tmp_path / "x-flat.vmdk", "raw")
    assert (image.format, image.container) == ("raw", None)


def test_claims(tmp_path: Path) -> None:
    path = vmdk_pair(tmp_path, DISK)
    assert admit(path, "vmdk").format == "raw"
    with pytest.raises(
        FormatMismatchError, match="the caller claims that it is raw, but its content is vmdk"
    ):
        admit(path, "raw")
    other = path.rename(tmp_path / "x.qcow2")
    with pytest.raises(FormatMismatchError, match="its name claims that it is qcow2"):
        admit(other)


@pytest.mark.parametrize("changed", ["x.vmdk", "x-flat.vmdk"])
@pytest.mark.parametrize("named", ["x.vmdk", "x-flat.vmdk"])
def test_a_change_of_either_file_is_noticed(tmp_path: Path, named: str, changed: str) -> None:
    vmdk_pair(tmp_path, DISK)
    image = admit(tmp_path / named)
    verify_unchanged(image)
    with (tmp_path / changed).open("r+b") as file:
        file.seek(0, os.SEEK_END)
        file.write(b"#")
    with pytest.raises(ImageUnreadableError, match=f"{tmp_path / named}: it changed"):
        verify_unchanged(image)
