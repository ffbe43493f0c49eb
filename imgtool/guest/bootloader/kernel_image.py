"""A kernel image as a boot loader sees it: its kind, architecture, version, and whether all of it is there.

Sources: the kernel's Documentation/arch/x86/boot.rst (the setup header) and arch/arm64/booting.rst,
drivers/firmware/efi/libstub/zboot-header.S, Microsoft's "PE Format"; what GRUB asks of it: GRUB's
grub-core/loader/i386/linux.c, loader/i386/pc/linux.c, loader/efi/linux.c and loader/i386/efi/linux.c.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO, Literal

from imgtool.guest.filesystems.base import GuestReadError

HEAD_BYTES = 64 << 10
"""The setup code of x86 takes at most 64 sectors of 512 bytes, and has the version's text in it."""
MAX_SETUP_SECTORS = 64
DEFAULT_SETUP_SECTORS = 4
SECTOR = 512
MAX_VERSION_BYTES = 256
ARM64_MAGIC = b"ARM\x64"
GZIP = b"\x1f\x8b"
MACHINES = {0x8664: "x86_64", 0x14C: "i386", 0xAA64: "aarch64", 0x1C2: "arm", 0x5064: "riscv64"}

ImageKind = Literal["bzImage", "zImage", "arm64", "zboot", "pe", "unknown"]


@dataclass(frozen=True, slots=True)
class KernelImage:
    """What its header says."""

    kind: ImageKind
    size_bytes: int
    """Of the file."""
    architecture: str = ""
    """`x86_64`, `i386`, `aarch64`, or empty."""
    version: str = ""
    """As `uname -r` would print it; empty where the header does not say it."""
    declared_bytes: int = 0
    """How long the header says that the file is at least; 0 where it does not."""
    protocol: int = 0
    """x86: the version of the boot protocol, 0x20f for 2.15."""
    setup_sectors: int = 0
    has_boot_flag: bool = False
    big: bool = False
    handover: bool = False
    """x86: it can be started by the EFI handover protocol."""
    pe_machine: str = ""
    """The architecture that its PE header names; empty where it is no PE file."""
    compressed: bool = False
    """The whole file is gzip: GRUB's gzio unpacks it; how much of it there is, is not looked at."""

    @property
    def problem(self) -> str:
        """Why no kernel would start from this file, whoever loads it; empty where that is not known of it."""
        if self.size_bytes == 0:
            return "the file is empty"
        if self.kind == "unknown":
            return "it is not a Linux kernel"
        if self.size_bytes < self.declared_bytes and not self.compressed:
            return f"it is cut off: {self.size_bytes} of {self.declared_bytes} bytes are there"
        return ""


def read_kernel_image(stream: BinaryIO, size_bytes: int) -> KernelImage:
    """The header of the image in `stream`, a file of `size_bytes`; GuestReadError where it cannot be read."""
    stream.seek(0)
    head = stream.read(HEAD_BYTES)
    if head[:2] == GZIP:
        return _read(_unpacked(head), size_bytes, compressed=True)
    return _read(head, size_bytes, compressed=False)


def grub_problem(image: KernelImage, firmware: str, command: str = "linux") -> str:
    """What GRUB's `linux`, `linux16` or `linuxefi` says of the image; empty where it loads it.

    GRUB for x86 looks at the setup header only, so it loads an image that is cut off; `image.problem` tells.
    """
    if image.size_bytes == 0:
        return "premature end of file"
    if firmware == "uefi" and image.kind not in {"bzImage", "zImage"}:
        return "" if image.pe_machine else "plain image kernel not supported"
    if not image.has_boot_flag:
        return "invalid magic number"
    if image.setup_sectors > MAX_SETUP_SECTORS:
        return "too many setup sectors"
    return _protocol_problem(image, command)


def _protocol_problem(image: KernelImage, command: str) -> str:
    if command.endswith("16"):
        return ""
    if image.protocol < 0x203:
        return "version too old for 32-bit boot"
    return "" if image.big else "zImage doesn't support 32-bit boot"


def architecture_problem(image: KernelImage, machine: str) -> str:
    """Why a machine of the architecture `machine` cannot run it; an x86_64 machine runs i386 as well."""
    runs = {"x86_64": ("x86_64", "i386")}.get(machine, (machine,))
    if not image.architecture or image.architecture in runs:
        return ""
    return f"it is a kernel for {image.architecture}, and the machine is {machine}"


def _unpacked(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
    except zlib.error as error:
        raise GuestReadError(f"it is gzip, and damaged: {error}") from error


def _read(head: bytes, size_bytes: int, *, compressed: bool) -> KernelImage:
    machine, pe_bytes = _pe(head)
    if head[0x38:0x3C] == ARM64_MAGIC:
        return KernelImage(
            "arm64", size_bytes, "aarch64", has_boot_flag=True, pe_machine=machine, compressed=compressed
        )
    if head[:2] == b"MZ" and head[4:8] == b"zimg":
        start, length = struct.unpack_from("<II", head, 8)
        return KernelImage("zboot", size_bytes, machine, "", start + length, pe_machine=machine)
    if head[0x1FE:0x200] == b"\x55\xaa" and head[0x202:0x206] == b"HdrS":
        return _x86(head, size_bytes, machine, compressed=compressed)
    if machine:
        return KernelImage("pe", size_bytes, machine, "", pe_bytes, pe_machine=machine)
    return KernelImage("unknown", size_bytes, has_boot_flag=head[0x1FE:0x200] == b"\x55\xaa")


def _x86(head: bytes, size_bytes: int, machine: str, *, compressed: bool) -> KernelImage:
    head = head.ljust(0x270, b"\0")
    setup = head[0x1F1]
    paragraphs, protocol = struct.unpack_from("<I", head, 0x1F4)[0], struct.unpack_from("<H", head, 0x206)[0]
    if protocol < 0x204:
        paragraphs &= 0xFFFF  # the upper half was another field (boot.rst, syssize)
    protected_start = ((setup or DEFAULT_SETUP_SECTORS) + 1) * SECTOR
    declared = protected_start + 16 * paragraphs
    if protocol >= 0x208:
        declared = max(declared, protected_start + sum(struct.unpack_from("<II", head, 0x248)))
    big = bool(head[0x211] & 1)
    is_64 = protocol >= 0x20C and bool(head[0x236] & 1)
    return KernelImage(
        "bzImage" if big else "zImage",
        size_bytes,
        "x86_64" if is_64 else "i386",
        _x86_version(head),
        declared,
        protocol,
        setup,
        has_boot_flag=True,
        big=big,
        handover=protocol >= 0x20B and struct.unpack_from("<I", head, 0x264)[0] != 0,
        pe_machine=machine,
        compressed=compressed,
    )


def _x86_version(head: bytes) -> str:
    """The first word of the text that `kernel_version` points to; who built it, and when, follows there."""
    (pointer,) = struct.unpack_from("<H", head, 0x20E)
    if not pointer:
        return ""
    text = head[pointer + SECTOR : pointer + SECTOR + MAX_VERSION_BYTES].split(b"\0")[0]
    return text.decode("utf-8", "replace").partition(" ")[0]


def _pe(head: bytes) -> tuple[str, int]:
    """The architecture of a PE file, and where its last section ends as far as `head` shows; or empty, 0."""
    if head[:2] != b"MZ" or len(head) < 64:
        return "", 0
    (offset,) = struct.unpack_from("<I", head, 0x3C)
    if offset + 24 > len(head) or head[offset : offset + 4] != b"PE\0\0":
        return "", 0
    machine, sections = struct.unpack_from("<HH", head, offset + 4)
    (optional,) = struct.unpack_from("<H", head, offset + 20)
    ends = [0]
    for index in range(min(sections, 96)):
        at = offset + 24 + optional + 40 * index + 16
        if at + 8 > len(head):
            break
        length, start = struct.unpack_from("<II", head, at)
        ends.append(start + length)
    return MACHINES.get(machine, f"machine {machine:#x}"), max(ends)
