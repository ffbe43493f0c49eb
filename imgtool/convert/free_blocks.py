"""What of a disk is free: read in the sandbox, and the answer checked before anything believes it."""

from imgtool.disk.access import open_container
from imgtool.disk.request import DiskRequest, disk_request, requested_disk
from imgtool.formats.bounds import round_to_sector
from imgtool.model.free_blocks import FreeBlocks, FreePart
from imgtool.model.image import DiskImage
from imgtool.sandbox import Job, Limits, SandboxFailedError, ask
from imgtool.util.progress import Progress
from imgtool.util.ranges import Ranges, from_text

LIMITS = Limits(cpu_seconds=120, memory_bytes=1 << 30, deadline_seconds=600.0)
"""Debian with 30,000 files takes 0.3 s and 20 MiB; a million files take 10 s."""


def read_free_blocks(image: DiskImage, progress: Progress) -> FreeBlocks:
    """What is free on the disk of `image`; nothing, with the reason, where the sandbox gives no sound answer.

    Raises what `open_container` raises; ImageUnreadableError where the file is no image after all.
    """
    with open_container(image, progress) as (holder, source):
        request = disk_request(image, holder, source)
        try:
            found = ask(JOB, request, source.descriptor)
            free_ranges(found, image)
        except SandboxFailedError as error:
            return _nothing(image, error.message)
        except ValueError as error:
            return _nothing(image, f"the list of free blocks makes no sense ({error})")
    return found


def free_ranges(found: FreeBlocks, image: DiskImage) -> Ranges:
    """The free bytes of the disk. Raises ValueError where they are not on it, or not as many as is said."""
    free = from_text(found.runs, round_to_sector(image.virtual_size_bytes))
    if free.total != found.free_bytes:
        raise ValueError("its sum is another one than that of its parts")
    return free


def _nothing(image: DiskImage, reason: str) -> FreeBlocks:
    return FreeBlocks((FreePart("disk", "unknown", image.virtual_size_bytes, 0, reason),))


def look(request: DiskRequest, descriptor: int) -> FreeBlocks:
    """Find what is free; runs in the sandbox."""
    from imgtool.guest.free.disk import find_free_blocks  # noqa: PLC0415 - what reads guests is loaded there

    with requested_disk(request, descriptor) as disk:
        return find_free_blocks(disk, request.virtual_size_bytes)


def load() -> None:
    """Load in the server what reads free blocks, and what a sandbox cannot load."""
    from imgtool.guest import preload  # noqa: PLC0415 - see above
    from imgtool.guest.free import disk  # noqa: F401, PLC0415 - see above

    preload.preload_extensions()


JOB = Job(
    name=f"{__name__}:JOB",
    subject="the free blocks of the disk",
    question=DiskRequest,
    answer=FreeBlocks,
    work=look,
    limits=LIMITS,
    prepare=load,
)
