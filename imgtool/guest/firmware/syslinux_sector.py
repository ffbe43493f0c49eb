"""SYSLINUX and EXTLINUX in a boot sector: it loads ldlinux.sys from the sector that it names itself.

Sources: SYSLINUX, core/diskstart.inc (the two halves of that sector's number are operands of its code),
libinstaller/syslxint.h (the patch areas of ldlinux.sys, which name the directory it was installed into).
"""

import re
import struct

from imgtool.guest.bootloader.files import LoaderFiles
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.mounts import Device
from imgtool.guest.partitions import SECTOR_BYTES
from imgtool.guest.streams import ReadAt

MARKS = (b"SYSLINUX", b"EXTLINUX")
POINTER = re.compile(rb"\x66\xb8(.{4})\x66\xba(.{4})", re.DOTALL)
"""mov eax, low half; mov edx, high half."""
MAGIC = bytes.fromhex("fe02b23e")
"""LDLINUX_MAGIC, at the start of the patch area in the first sector of ldlinux.sys."""
MAX_PROGRAM_BYTES = 64 << 10
"""ldlinux.sys has under 64 KiB."""
MAX_PATH_BYTES = 4096
DIRECTORIES = ("/boot/extlinux", "/boot/syslinux", "/extlinux", "/syslinux", "/boot", "/")
"""Where it is looked for by its name, where its own word cannot be read."""


def is_syslinux(sector: bytes) -> bool:
    """Whether SYSLINUX's installer wrote this boot sector."""
    return any(mark in sector for mark in MARKS)


def directory_of(read_at: ReadAt, sector: bytes, start_bytes: int, device: Device | None) -> str:
    """The directory that ldlinux.sys works in, of the boot sector at that place of the disk.

    Raises GuestReadError where ldlinux.sys is not where the boot sector looks for it.
    """
    pointers = [int.from_bytes(low + high, "little") * SECTOR_BYTES for low, high in POINTER.findall(sector)]
    programs = [read_at(start_bytes + pointer, MAX_PROGRAM_BYTES) for pointer in pointers]
    program = next((one for one in programs if MAGIC in one[:SECTOR_BYTES]), None)
    if programs and program is None:
        raise GuestReadError("ldlinux.sys is not in the sector that its boot sector names")
    return (_installed(program) if program else None) or _by_name(device)


def _installed(program: bytes) -> str | None:
    """What the second patch area says; None where it lies elsewhere than behind the first sector."""
    area = program.find(MAGIC)
    if area + 24 > len(program):
        return None
    (extended,) = struct.unpack_from("<H", program, area + 22)
    if extended + 6 > len(program):
        return None
    start, length = struct.unpack_from("<HH", program, extended + 2)
    raw = program[start : start + min(length, MAX_PATH_BYTES)].split(b"\0")[0]
    path = raw.decode("utf-8", "replace")
    return path if path.startswith("/") and path.isprintable() else None


def _by_name(device: Device | None) -> str:
    if device is not None:
        files = LoaderFiles(device)
        for directory in DIRECTORIES:
            if files.find(f"{directory}/ldlinux.sys"):
                return directory
    raise GuestReadError("no ldlinux.sys was found that it could start")
