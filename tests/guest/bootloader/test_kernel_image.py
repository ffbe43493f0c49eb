import gzip
import io
import struct

import pytest
from support.kernel_images import arm64_image, bzimage

from imgtool.guest.bootloader.kernel_image import (
    KernelImage,
    architecture_problem,
    grub_problem,
    read_kernel_image,
)
from imgtool.guest.filesystems.base import GuestReadError


def _read(content: bytes) -> KernelImage:
    return read_kernel_image(io.BytesIO(content), len(content))


def test_a_bzimage_says_its_version_and_architecture() -> None:
    image = _read(bzimage("6.12.5-cloud"))
    assert (image.kind, image.version, image.architecture) == ("bzImage", "6.12.5-cloud", "x86_64")
    assert image.problem == ""
    assert grub_problem(image, "bios") == grub_problem(image, "uefi") == ""


def test_one_without_the_64_bit_flag_is_i386_and_runs_on_x86_64() -> None:
    image = _read(bzimage(is_64=False))
    assert image.architecture == "i386"
    assert architecture_problem(image, "x86_64") == ""


@pytest.mark.parametrize(
    ("content", "problem", "grub"),
    [
        (b"", "empty", "premature end of file"),
        (b"not a kernel\n", "not a Linux kernel", "invalid magic number"),
        (bzimage()[:-1], "cut off", ""),
        (bzimage()[:2000], "cut off", ""),
        (bytes(2) + bzimage()[2:0x200], "not a Linux kernel", "version too old for 32-bit boot"),
        (bytes(100_000), "not a Linux kernel", "invalid magic number"),
    ],
)
def test_what_is_no_whole_kernel(content: bytes, problem: str, grub: str) -> None:
    image = _read(content)
    assert problem in image.problem
    assert grub_problem(image, "bios") == grub


def test_a_longer_file_is_whole_as_a_signature_follows_the_image() -> None:
    assert _read(bzimage() + b"signature").problem == ""


def test_an_arm64_image_starts_no_x86_machine() -> None:
    image = _read(arm64_image())
    assert (image.kind, image.architecture) == ("arm64", "aarch64")
    assert "aarch64" in architecture_problem(image, "x86_64")


def test_gzip_is_unpacked() -> None:
    assert _read(gzip.compress(bzimage("1.2"))).version == "1.2"
    with pytest.raises(GuestReadError, match="gzip"):
        _read(b"\x1f\x8b broken")


def test_a_zboot_image_declares_its_payload() -> None:
    head = bytearray(512)
    head[0:8] = b"MZ\0\0zimg"
    struct.pack_into("<II", head, 8, 256, 1000)
    assert "512 of 1256" in _read(bytes(head)).problem
