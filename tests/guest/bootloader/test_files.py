"""Files as a boot loader finds them."""

import io

import pytest
from support.memory_filesystem import Link, MemoryFilesystem

from imgtool.guest.bootloader.files import LoaderFiles
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.mounts import Device
from imgtool.guest.volumes import Volume

TREE = {
    "boot/vmlinuz-6.1": "kernel",
    "boot/link": Link("vmlinuz-6.1"),
    "vmlinuz": Link("/boot/link"),
    "up": Link("../../boot"),
    "loop": Link("loop"),
    "EFI/Linux/A.efi": "x",
}


def files(kind: str = "ext4") -> LoaderFiles:
    device = Device(Volume("partition 1", 4096, (1,), io.BytesIO), MemoryFilesystem(TREE, kind), None)
    return LoaderFiles(device)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/vmlinuz", "/boot/vmlinuz-6.1"),
        ("boot//./vmlinuz-6.1", "/boot/vmlinuz-6.1"),
        ("/boot/../../vmlinuz", "/boot/vmlinuz-6.1"),
        ("/up/link", "/boot/vmlinuz-6.1"),
        ("/boot", None),
        ("/nothing", None),
        ("/boot/link/x", None),
        ("/efi/linux/a.EFI", None),
        ("/" + "a/" * 4096, None),
    ],
)
def test_paths(path: str, found: str | None) -> None:
    file = files().find(path)
    assert (file.path if file else None) == found


def test_fat_is_searched_without_regard_to_case() -> None:
    found = files("vfat").find("/efi/linux/a.EFI")
    assert found is not None
    assert str(found) == "/efi/linux/a.EFI on partition 1"
    assert files("vfat").names("/efi/LINUX") == ["A.efi"]


def test_links_end() -> None:
    with pytest.raises(GuestReadError, match="symbolic links"):
        files().find("/loop")


def test_contents_are_bounded() -> None:
    assert files().read("/vmlinuz", 6) == b"kernel"
    assert files().read("/none", 6) is None
    assert files().names("/none") == []
    with pytest.raises(GuestReadError, match="larger than 5 bytes"):
        files().read("/vmlinuz", 5)
