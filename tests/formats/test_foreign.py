"""What is refused says what it is, and the way out."""

import struct
import subprocess
from pathlib import Path

import pytest
from support.images import create, patch_u32, qemu_img

from imgtool.errors import ImageUnreadableError, ImgtoolError
from imgtool.formats import admit

KOLY = b"koly" + struct.pack(">II", 4, 512) + bytes(500)
ARM64 = b"MZ" + bytes(54) + b"ARM\x64" + bytes(4096)
BZIMAGE = bytes(510) + b"\x55\xaa" + b"\xeb\x66HdrS" + bytes(4096)


def refusal(path: Path) -> ImgtoolError:
    with pytest.raises(ImgtoolError) as caught:
        admit(path)
    return caught.value


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("driver", ["qed", "parallels", "qcow"])
def test_the_way_out_is_one(driver: str, tmp_path: Path) -> None:
    """qemu-img takes the command that is named."""
    found = refusal(create(tmp_path / "x", driver))
    command = found.hint.rpartition(": ")[2].split()
    meant = {"SOURCE": str(tmp_path / "x"), "TARGET": str(tmp_path / "y")}
    words = [meant.get(word, word) for word in command]
    assert words[0] == "qemu-img"
    qemu_img(*words[1:])
    assert admit(tmp_path / "y").format == "qcow2"


def test_a_qcow2_of_a_later_version_has_no_such_way(tmp_path: Path) -> None:
    found = refusal(patch_u32(create(tmp_path / "x.qcow2"), 4, 4))
    assert "version 4" in found.message
    assert "-f qcow " not in found.hint


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (bytes(1 << 20) + KOLY, "DMG"),
        (BZIMAGE, "a Linux kernel"),
        (ARM64, "a Linux kernel"),
        (b"EVF2\r\n\x81\0" + bytes(4096), "EWF"),
        (b"LVF\x09\r\n\xff\0" + bytes(4096), "archive of files"),
    ],
)
def test_it_is_named(content: bytes, words: str, tmp_path: Path) -> None:
    assert words in refusal(written(tmp_path / "x", content)).message
    assert words in refusal(written(tmp_path / "x.raw", content)).message


@pytest.mark.parametrize("content", [bytes(1 << 20) + KOLY, ARM64])
def test_who_says_that_it_is_a_disk_is_believed(content: bytes, tmp_path: Path) -> None:
    """A guest may write what it wants into its last sector: what is converted is still a raw disk."""
    assert admit(written(tmp_path / "x", content), "raw").format == "raw"


@pytest.mark.parametrize("content", [bytes(512), bytes(1 << 20) + b"koly" + bytes(508)])
def test_what_only_resembles_a_trailer_passes(content: bytes, tmp_path: Path) -> None:
    assert admit(written(tmp_path / "x", content)).format == "raw"


@pytest.mark.parametrize(
    ("program", "ending", "expected"),
    [
        (["lz4", "-qc"], "lz4", "lz4 -d"),
        (["xz", "--format=lzma", "-kc"], "lzma", "xz --format=lzma -dc"),
    ],
)
def test_what_is_compressed_otherwise_is_to_be_unpacked_first(
    program: list[str], ending: str, expected: str, tmp_path: Path
) -> None:
    source = written(tmp_path / "disk.raw", bytes(1 << 20))
    packed = subprocess.run([*program, source], check=True, capture_output=True).stdout
    found = refusal(written(tmp_path / f"disk.raw.{ending}", packed))
    assert isinstance(found, ImageUnreadableError)
    assert f"unpack it first: {expected}" in found.hint


def test_lzip(tmp_path: Path) -> None:
    assert "lzip -dc" in refusal(written(tmp_path / "x", b"LZIP\x01\x0c" + bytes(4096))).hint
