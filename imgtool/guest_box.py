"""Reads a guest in the box: our qcow2 reader, and all that is above it, sees no more than an open file."""

from dataclasses import dataclass, replace
from pathlib import Path

from imgtool.box import BoxFailedError, Job, Limits, ask
from imgtool.disk.access import as_disk, open_holder
from imgtool.formats.source import unnamed
from imgtool.guest.inspect import inspect_disk
from imgtool.guest.preload import preload_extensions
from imgtool.model.guest import GuestFacts
from imgtool.model.image import DiskImage
from imgtool.model.look_for import NOTHING_ELSE, LookFor
from imgtool.progress import Progress

LIMITS = Limits(cpu_seconds=60, memory_bytes=1 << 30, deadline_seconds=300.0)
"""A guest takes 0.2 to 3 seconds and some 20 MiB; its largest index, of which a reader keeps all, 200 MiB."""


@dataclass(frozen=True, slots=True)
class Given:
    """What to read."""

    path: str
    """For messages: nothing is opened by it."""
    format: str
    """raw or qcow2."""
    file_size_bytes: int
    virtual_size_bytes: int
    look_for: LookFor


def read_guest(image: DiskImage, progress: Progress, look_for: LookFor = NOTHING_ELSE) -> GuestFacts:
    """The guest on the disk of `image`; unknown, with the reason, where the box ends without an answer.

    Raises what `open_holder` raises; ImageUnreadableError where the file is no image after all.
    """
    with open_holder(image, progress) as (holder, source):
        given = Given(str(holder.path), holder.format, source.size_bytes, image.virtual_size_bytes, look_for)
        try:
            return ask(JOB, given, source.descriptor)
        except BoxFailedError as error:
            return GuestFacts("unknown", error.message)


def look(given: Given, descriptor: int) -> GuestFacts:
    """In the box."""
    source = replace(unnamed(descriptor, given.file_size_bytes), path=Path(given.path))
    with as_disk(given.format, source) as disk:
        return inspect_disk(disk, given.virtual_size_bytes, given.look_for)


JOB = Job(
    name=f"{__name__}:JOB",
    subject="the guest",
    question=Given,
    answer=GuestFacts,
    work=look,
    limits=LIMITS,
    prepare=preload_extensions,
)
