"""Read a guest in the sandbox: our disk readers, and all above them, see no more than one open file.

All that reads guests is loaded there only: it takes longer than all else that imgtool loads.
"""

from dataclasses import dataclass, replace

from imgtool.disk.access import open_container
from imgtool.disk.request import DiskRequest, disk_request, requested_disk
from imgtool.model.facts import NO_EXTRAS, GuestQuery
from imgtool.model.guest import GuestFacts
from imgtool.model.image import DiskImage
from imgtool.sandbox import Job, Limits, SandboxFailedError, ask
from imgtool.util.progress import Progress

LIMITS = Limits(cpu_seconds=60, memory_bytes=1 << 30, deadline_seconds=300.0)
"""A guest takes 0.2 to 3 seconds and some 20 MiB; its largest index, of which a reader keeps all, 200 MiB."""


@dataclass(frozen=True, slots=True)
class GuestRequest:
    """What to read."""

    disk: DiskRequest
    guest_query: GuestQuery


def read_guest(image: DiskImage, progress: Progress, guest_query: GuestQuery = NO_EXTRAS) -> GuestFacts:
    """The guest on the disk of `image`; unknown, with the reason, where the sandbox ends without an answer.

    Raises what `open_container` raises; ImageUnreadableError where the file is no image after all.
    """
    with open_container(image, progress) as (holder, source):
        request = GuestRequest(disk_request(image, holder, source), guest_query)
        try:
            return ask(JOB if guest_query.judged else INSTALLED_JOB, request, source.descriptor)
        except SandboxFailedError as error:
            return GuestFacts("unknown", error.message)


def look(request: GuestRequest, descriptor: int) -> GuestFacts:
    """Read the guest; runs in the sandbox."""
    from imgtool.guest.inspect import inspect_disk  # noqa: PLC0415 - see above

    with requested_disk(request.disk, descriptor) as disk:
        return inspect_disk(disk, request.disk.virtual_size_bytes, request.guest_query)


def load() -> None:
    """Load in the server what reads guests: most of it, and all that a sandbox cannot load."""
    from imgtool.guest import inspect, preload  # noqa: F401, PLC0415 - see above

    preload.preload_likely()


def load_installed() -> None:
    """Load what reads of a guest what is installed, and judges nothing."""
    from imgtool.guest import inspect, preload  # noqa: F401, PLC0415 - see above

    preload.preload_extensions()


JOB = Job(
    name=f"{__name__}:JOB",
    subject="the guest",
    question=GuestRequest,
    answer=GuestFacts,
    work=look,
    limits=LIMITS,
    prepare=load,
)
INSTALLED_JOB = replace(JOB, name=f"{__name__}:INSTALLED_JOB", prepare=load_installed)
"""The same where nothing is judged: its server starts in two thirds of the time."""
