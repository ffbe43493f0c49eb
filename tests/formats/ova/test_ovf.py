"""Descriptors as several programs write them; what is refused is tests/support/hostile/ova.py."""

import pytest
from support.ovas import OVIRT, ovf

from imgtool.errors import ImageUnreadableError, UnsafeImageError
from imgtool.formats.ova.ovf import OvfDisk, read_disks

DISK = [OvfDisk("x-disk1.vmdk", "")]


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16", "ISO-8859-1", "windows-1252"])
def test_encodings(encoding: str) -> None:
    assert read_disks(ovf(["wéb.vmdk"], encoding=encoding)) == [OvfDisk("wéb.vmdk", "")]


def test_ovirts() -> None:
    assert read_disks(OVIRT.format(name="x-disk1.vmdk").encode()) == DISK


def test_another_namespace() -> None:
    """Of OVF 2, and of VMware's before there was OVF 1."""
    for other in ("http://schemas.dmtf.org/ovf/envelope/2", "http://www.vmware.com/schema/ovf/1/envelope"):
        content = ovf(["x-disk1.vmdk"]).replace(b"http://schemas.dmtf.org/ovf/envelope/1", other.encode())
        assert read_disks(content) == DISK


def test_several_disks_and_those_without_a_file() -> None:
    content = ovf(["a.vmdk", "b.vmdk"]).replace(b'ovf:fileRef="file1"', b"")
    assert read_disks(ovf(["a.vmdk", "b.vmdk"])) == [OvfDisk("a.vmdk", ""), OvfDisk("b.vmdk", "")]
    assert read_disks(content) == [OvfDisk("a.vmdk", "")]
    assert read_disks(ovf([])) == []


def test_a_file_of_two_disks_is_one() -> None:
    content = ovf(["x-disk1.vmdk", "x-disk1.vmdk"])
    assert read_disks(content) == DISK


@pytest.mark.parametrize("compression", ["", "identity"])
def test_what_is_not_compressed(compression: str) -> None:
    assert read_disks(ovf(["x-disk1.vmdk"], file=f'ovf:compression="{compression}"')) == DISK


def test_a_disk_elsewhere_is_none() -> None:
    content = ovf(["x-disk1.vmdk"]).replace(b"DiskSection", b"OtherSection")
    assert read_disks(content) == []


@pytest.mark.parametrize(
    "content",
    [b"", b"<", b"<a><b></a>", b"\xff\xfe", b"<a:b/>", b'<?xml version="1.0" encoding="no-such"?><a/>',
     b'<?xml version="1.0" encoding="rot13"?><a/>', b"<a>&x;</a>", b"\0" * 9],
)  # fmt: skip
def test_what_is_no_xml(content: bytes) -> None:
    with pytest.raises(ImageUnreadableError, match="its OVF is damaged"):
        read_disks(content)


def test_more_files_than_there_may_be() -> None:
    with pytest.raises(UnsafeImageError, match="more than 512"):
        read_disks(ovf([str(number) for number in range(2000)]))
