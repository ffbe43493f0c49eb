"""GRUB's core.img for BIOS, from the sectors that its boot sector names.

What runs: boot.img loads one sector, diskboot.img; that one loads what its block list names; the
decompressor, which comes first, unpacks the kernel of GRUB with its modules. Sources: GRUB,
grub-core/boot/i386/pc/{boot,diskboot,startup_raw}.S, include/grub/offsets.h, include/grub/i386/pc/boot.h;
util/mkimage.c for the properties of LZMA; util/setup.c for the redundancy at the end.
"""

import lzma
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.firmware.grub_image import GrubImage, read_modules
from imgtool.guest.partitions import SECTOR_BYTES
from imgtool.guest.streams import ReadAt

LOADING = b"loading"
"""What diskboot.img prints first; it stands in all of its versions."""
FIRST_LIST, LIST_BYTES = 0x1F4, 12
"""Where the last entry of the block list stands, which is the first: they go on towards the start."""
MAX_LISTS = 30
MAX_CORE_SECTORS = 0x78000 // SECTOR_BYTES
"""mkimage refuses a core that would not fit below 480 KiB."""
MAX_IMAGE_BYTES = 8 << 20
"""Of the unpacked kernel and its modules; all modules together have 4 MiB."""
LINK_ADDRESS = 0x8200
"""Where the decompressor runs: it names its own end by this address and its size."""
MIN_DECOMPRESSOR_BYTES, MAX_DECOMPRESSOR_BYTES = 512, 0x9000 - LINK_ADDRESS
LZMA = {"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16, "lc": 3, "lp": 0, "pb": 2}
NO_PARTITION = 0xFF
POINTER_BYTES = 4


@dataclass(frozen=True, slots=True)
class GrubCore:
    """What stands in a core image."""

    image: GrubImage
    sectors: int
    boot_partition: int | None
    """Number of the MBR partition that is the root where the prefix names no device; None: the whole disk."""


class DamagedCoreError(GuestReadError):
    """The core cannot run. `repairable`: it carries redundancy, with which GRUB mends a few wrong bytes."""

    def __init__(self, reason: str, *, repairable: bool = False) -> None:
        super().__init__(reason)
        self.repairable = repairable


def read_core(read_at: ReadAt, first_sector: int, disk_bytes: int) -> GrubCore:
    """The core whose first sector is that one. Raises DamagedCoreError with what GRUB would stop at."""
    head = read_at(first_sector * SECTOR_BYTES, SECTOR_BYTES)
    if len(head) < SECTOR_BYTES:
        raise DamagedCoreError(f"sector {first_sector}, where its core starts, is beyond the end of the disk")
    if not any(head):
        raise DamagedCoreError(f"sector {first_sector}, where its core starts, is empty")
    if LOADING not in head:
        raise DamagedCoreError(f"sector {first_sector} is not the start of a core of GRUB")
    pieces = []
    total = 0
    for start, count in _block_list(head):
        total += count
        if total > MAX_CORE_SECTORS:
            raise DamagedCoreError(f"its block list has more than {MAX_CORE_SECTORS} sectors")
        if (start + count) * SECTOR_BYTES > disk_bytes:
            raise DamagedCoreError(
                f"its core goes on to sector {start + count - 1}, beyond the end of the disk"
            )
        pieces.append(read_at(start * SECTOR_BYTES, count * SECTOR_BYTES))
    body = b"".join(pieces)
    if not any(body):
        raise DamagedCoreError("the sectors of its core are empty")
    return _core(body, total + 1)


def _block_list(head: bytes) -> Iterator[tuple[int, int]]:
    """First sector and number of sectors of each run of the core, until one of none."""
    for index in range(MAX_LISTS):
        start, count = struct.unpack_from("<QH", head, FIRST_LIST - index * LIST_BYTES)
        if not count:
            return
        yield start, count
    raise DamagedCoreError("the block list of its core has no end")


def _core(body: bytes, sectors: int) -> GrubCore:
    if len(body) < MIN_DECOMPRESSOR_BYTES:
        raise DamagedCoreError("its core has no decompressor")
    packed, unpacked, redundancy = struct.unpack_from("<III", body, 8)
    partition = body[0x1A]
    if not 0 < unpacked <= MAX_IMAGE_BYTES or not 0 < packed < len(body):
        raise DamagedCoreError("the header of its core is damaged", repairable=False)
    for start in _starts(body, packed, redundancy):
        image = _unpacked(body[start : start + packed], unpacked)
        if image is None:
            continue
        try:
            modules = read_modules(image, POINTER_BYTES)
        except GuestReadError:
            continue
        return GrubCore(modules, sectors, None if partition == NO_PARTITION else partition + 1)
    raise DamagedCoreError("its core is damaged: it cannot be unpacked", repairable=redundancy > 0)


def _starts(body: bytes, packed: int, redundancy: int) -> Iterator[int]:
    """Where the packed image may begin: the decompressor's length is not told, but it names its own end.

    The block list counts whole sectors, so the core's true length is known up to one of them; with
    redundancy behind it, exactly.
    """
    latest = len(body) - packed - redundancy
    earliest = latest if redundancy else latest - SECTOR_BYTES + 1
    code = body[:MAX_DECOMPRESSOR_BYTES]
    for start in range(latest, max(MIN_DECOMPRESSOR_BYTES, earliest) - 1, -1):
        if start <= MAX_DECOMPRESSOR_BYTES and struct.pack("<I", LINK_ADDRESS + start) in code[:start]:
            yield start


def _unpacked(packed: bytes, size: int) -> bytes | None:
    decompressor = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[LZMA])
    try:
        image = decompressor.decompress(packed, size)
    except lzma.LZMAError:
        return None
    return image if len(image) == size else None
