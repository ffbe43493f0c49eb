"""Whether the tables of an image file agree with each other, by `qemu-img check`.

Not in a thread beside the inspection, though it could be: an interruption has to end the program that runs,
and only the main thread hears of it (util/interrupts.py).
"""

import os
import stat
from dataclasses import replace

from imgtool.errors import ToolFailedError, ToolMissingError
from imgtool.formats import open_admitted
from imgtool.formats.examine import examine_clusters, table_bytes
from imgtool.formats.source import Source
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.model.image import DiskImage
from imgtool.process import qemu_img
from imgtool.process.qemu_img import OpenImage

BASE_CPU_SECONDS = 5
CPU_SECONDS_PER_GIB = 60
"""Of tables. 20 GiB of disk in clusters of 64 KiB, all in use, have 2.5 MiB of tables and take 0.04 s of CPU
time; in clusters of 4 KiB 40 MiB, and 1.3 s; 1 TiB has 128 MiB, and takes 1.7 s: 14 to 32 s for each GiB."""
MAX_CPU_SECONDS = 300
WAITING = 4
"""Seconds on the clock for each of CPU time, and WAITING_SECONDS besides: storage can be slow."""
WAITING_SECONDS = 20.0


def read_consistency(image: DiskImage) -> Fact[bool]:
    """True where `qemu-img check` finds no corruption, or where the format has nothing to check.

    Leaked clusters are no corruption: nothing refers to them, so that they only waste space. Unknown where
    qemu-img is missing, fails, or takes longer than tables of that size do. Raises ImageUnreadableError
    where an entry of a qcow2's tables cannot be, which is found out before qemu-img sees it, and where the
    image was changed meanwhile.
    """
    if image.wrapper is not None:
        return Unknown(f"it is compressed as a whole ({image.wrapper}): what is inside was not unpacked")
    if image.format == "raw":
        return Known(value=True, evidence="a raw image has no tables")
    examine_clusters(image)
    seconds = cpu_seconds(table_bytes(image))
    limits = replace(qemu_img.WORK_LIMITS, cpu_seconds=seconds)
    try:
        with open_admitted(image) as file:
            found = qemu_img.check(
                for_qemu_img(image.format, file), limits=limits, timeout_seconds=deadline_seconds(seconds)
            )
    except (ToolMissingError, ToolFailedError) as error:
        return Unknown(error.message)
    return _judged(found, image.format)


def cpu_seconds(tables: int) -> int:
    """CPU time that `qemu-img check` may take for so many bytes of tables.

    It grows with what the tables name, and so with them; what takes longer was made to: a hole of 1 TiB at
    the end of a file in clusters of 512 bytes takes 16 seconds, and 4 GiB of memory.
    """
    return min(MAX_CPU_SECONDS, BASE_CPU_SECONDS + -(-tables * CPU_SECONDS_PER_GIB >> 30))


def deadline_seconds(of_cpu: int) -> float:
    """How long it may take on the clock, that may take so much CPU time."""
    return WAITING_SECONDS + WAITING * of_cpu


def _judged(found: qemu_img.CheckResult, image_format: str) -> Fact[bool]:
    if not found.supported:
        return Known(value=True, evidence=f"{image_format} has nothing that qemu-img could check")
    if found.errors:
        return Unknown(f"qemu-img check: {found.errors} errors kept it from its end")
    if found.corruptions:
        return Known(value=False, evidence=f"qemu-img check: {found.corruptions} corruptions")
    if found.leaks:
        return Known(
            value=True, evidence=f"qemu-img check: {found.leaks} leaked clusters, which only waste space"
        )
    return Known(value=True, evidence="qemu-img check: no errors")


def for_qemu_img(image_format: str, file: Source) -> OpenImage:
    """The image of `image_format` in `file`, to be read."""
    found = os.fstat(file.descriptor)
    part = file.start_bytes != 0 or file.size_bytes != file.identity.size_bytes
    return OpenImage(
        descriptor=file.descriptor,
        format=image_format,
        start_bytes=file.start_bytes,
        length_bytes=file.size_bytes if part else None,
        is_device=stat.S_ISBLK(found.st_mode),
    )
