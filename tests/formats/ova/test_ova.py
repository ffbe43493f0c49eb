"""Disks of OVAs through the gate: each is what its file is. Refusals are in tests/support/hostile/ova.py."""

import os
from pathlib import Path

import pytest
from support.images import convert, raw_content
from support.ovas import OVIRT, TarFormat, ova, ovf, stream_ova, tar

from imgtool.disk.access import open_disk
from imgtool.errors import FormatMismatchError, ImageUnreadableError, UsageError
from imgtool.formats import admit, verify_unchanged
from imgtool.formats.gate import open_whole
from imgtool.util.progress import NullProgress

CONTENT = os.urandom(100_000) + bytes(900_000) + b"end." * 12_144
FORMATS = ["raw", "qcow2", "vmdk", "vdi", "vpc", "vhdx"]


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    path = tmp_path / "disk.raw"
    path.write_bytes(CONTENT)
    return path


def content(path: Path, disk: str | None = None) -> bytes:
    with open_disk(admit(path, disk=disk), NullProgress()) as found:
        return found.read()


def test_the_disk_of_an_ova(raw: Path, tmp_path: Path) -> None:
    path = stream_ova(tmp_path / "x.ova", raw)
    image = admit(path)
    assert (image.format, image.cluster_size_bytes) == ("vmdk", 65536)
    assert content(path)[: len(CONTENT)] == CONTENT
    assert image.path == image.origin.path == path
    assert image.files == (path,)
    assert image.origin.file_size_bytes == path.stat().st_size > image.file_size_bytes
    assert image.container is not None
    assert (image.container.kind, image.container.member) == ("ova", "x-disk1.vmdk")
    assert "x-disk1.vmdk of an OVA" in image.format_evidence
    with open_whole(image) as whole:
        assert whole.read_at(0, whole.size_bytes) == path.read_bytes()


@pytest.mark.parametrize("image_format", FORMATS)
@pytest.mark.parametrize("tar_format", ["ustar", "gnu", "pax"])
def test_disks_of_every_format(raw: Path, tmp_path: Path, image_format: str, tar_format: TarFormat) -> None:
    inner = convert(raw, tmp_path / "inner", "raw", image_format)
    path = ova(tmp_path / "x.ova", {"x-disk1": inner.read_bytes()}, tar_format)
    image = admit(path)
    assert image.format == image_format
    assert content(path) == raw_content(inner, image_format)


def test_as_ovirt_makes_it(raw: Path, tmp_path: Path) -> None:
    name = "8a4b1bf0-6b42-4b0e-8f4b-9a6d8f9e7c11"
    inner = convert(raw, tmp_path / "inner", "raw", "qcow2")
    path = tmp_path / "x.ova"
    path.write_bytes(tar({"vm.ovf": OVIRT.format(name=name).encode(), name: inner.read_bytes()}))
    assert admit(path).format == "qcow2"


@pytest.mark.parametrize(
    ("name", "href"),
    [("my disk.img", "my%20disk.img"), ("my disk.img", "my disk.img"), ("a%20b", "a%20b"), ("wéb", "wéb"),
     ("x", "./x")],
)  # fmt: skip
def test_names_of_files(tmp_path: Path, name: str, href: str) -> None:
    path = tmp_path / "x.ova"
    path.write_bytes(tar({"x.ovf": ovf([href]), name: CONTENT}))
    assert content(path) == CONTENT


def test_a_folder_in_the_archive(tmp_path: Path) -> None:
    path = tmp_path / "x.ova"
    path.write_bytes(tar({"vm/x.ovf": ovf(["x"]), "x": bytes(512), "vm/x": CONTENT}))
    assert content(path) == CONTENT


def test_the_descriptor_need_not_be_the_first(tmp_path: Path) -> None:
    """As `tar -cf x.ova *` makes it."""
    path = tmp_path / "x"
    path.write_bytes(tar({"x": CONTENT, "x.OVF": ovf(["x"])}))
    assert content(path) == CONTENT


def test_as_macos_makes_it(tmp_path: Path) -> None:
    path = tmp_path / "x.ova"
    path.write_bytes(tar({"._x.ovf": b"\0\5\x16\7", "x.ovf": ovf(["x"]), "._x": b"\0\5\x16\7", "x": CONTENT}))
    assert content(path) == CONTENT


def test_one_of_several_disks(tmp_path: Path) -> None:
    other = os.urandom(4096) + CONTENT
    path = ova(tmp_path / "x.ova", {"a b": CONTENT, "other": other})
    with pytest.raises(ImageUnreadableError, match=r"2 disks.*a b \(.*other \(") as caught:
        admit(path)
    assert "--disk 'a b'" in caught.value.hint
    assert (content(path, "a b"), content(path, "other")) == (CONTENT, other)
    with pytest.raises(UsageError, match="no disk 'x'"):
        admit(path, disk="x")


def test_there_is_nothing_to_choose_elsewhere(raw: Path) -> None:
    with pytest.raises(UsageError, match="no OVA"):
        admit(raw, disk="x")


def test_claims(raw: Path, tmp_path: Path) -> None:
    """A claim of the caller's is for the disk, unless he says that the archive itself is one."""
    path = stream_ova(tmp_path / "x.ova", raw)
    assert admit(path, "vmdk").format == "vmdk"
    with pytest.raises(
        FormatMismatchError, match="the caller claims that it is qcow2, but its content is vmdk"
    ):
        admit(path, "qcow2")
    assert (admit(path, "raw").format, admit(path, "raw").container) == ("raw", None)
    with pytest.raises(FormatMismatchError, match="claims that it is raw"):
        admit(path, "raw", disk="x-disk1.vmdk")
    with pytest.raises(ImageUnreadableError, match="tar archive"):
        admit(path.rename(tmp_path / "x.qcow2"))


def test_a_change_of_any_byte_of_the_archive_is_noticed(raw: Path, tmp_path: Path) -> None:
    path = stream_ova(tmp_path / "x.ova", raw)
    image = admit(path)
    with path.open("r+b") as file:
        file.write(b"y")
    with pytest.raises(ImageUnreadableError, match=f"{path}: it changed"):
        verify_unchanged(image)
