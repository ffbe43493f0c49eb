"""What stands on a volume and has no tree: named, with the reason."""

import io
import subprocess
from pathlib import Path

import pytest

from imgtool.guest.filesystems import open_filesystem
from imgtool.guest.filesystems.base import Filesystem, GuestReadError

UUID = "11111111-2222-4333-8444-555555555503"


def opened(content: bytes) -> Filesystem:
    found = open_filesystem(io.BytesIO(content), len(content))
    assert found is not None
    return found


def luks(version: int) -> bytes:
    head = bytearray(70_000)
    head[:8] = b"LUKS\xba\xbe" + version.to_bytes(2, "big")
    head[24:28] = b"root"
    head[168 : 168 + 36] = UUID.encode()
    return bytes(head)


def at(offset: int, magic: bytes) -> bytes:
    return bytes(offset) + magic + bytes(70_000)


def test_swap_as_mkswap_writes_it(tmp_path: Path) -> None:
    volume = tmp_path / "swap"
    volume.write_bytes(bytes(1 << 20))
    subprocess.run(["mkswap", "-q", "-U", UUID, "-L", "the swap", str(volume)], check=True)
    swap = opened(volume.read_bytes())
    assert (swap.type, swap.uuid, swap.label) == ("swap", UUID, "the swap")
    with pytest.raises(GuestReadError, match="swap space"):
        swap.root()


@pytest.mark.parametrize(("version", "label"), [(1, None), (2, "root")])
def test_luks(version: int, label: str | None) -> None:
    found = opened(luks(version))
    assert (found.type, found.uuid, found.label) == ("crypto_LUKS", UUID, label)
    with pytest.raises(GuestReadError, match="encrypted"):
        found.root()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (at(3, b"-FVE-FS-"), "BitLocker"),
        (at(0, b"hsqs"), "squashfs"),
        (at(1024, b"\xe2\xe1\xf5\xe0"), "erofs"),
        (at(32769, b"CD001"), "iso9660"),
        (at(4096, b"\xfc\x4e\x2b\xa9"), "linux_raid_member"),
    ],
)
def test_known_and_not_read(content: bytes, kind: str) -> None:
    found = opened(content)
    assert found.type == kind
    with pytest.raises(GuestReadError):
        found.root()


@pytest.mark.parametrize("size", [0, 1, 511, 512, 1023, 1080, 2047, 2048, 65536, 70_000])
def test_zeros_of_any_length_are_nothing(size: int) -> None:
    assert open_filesystem(io.BytesIO(bytes(size)), size) is None
