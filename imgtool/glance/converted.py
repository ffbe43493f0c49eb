"""What Glance itself may make of an import: with its plugin image_conversion, the disk as raw.

Nobody but an administrator can ask whether it does, so what arrives tells. The record is then no longer
that of the bytes that were sent, and is proven against the disk in them.
https://docs.openstack.org/glance/latest/admin/interoperable-image-import.html#the-image-conversion
"""

from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

from imgtool.convert.payload import Bytes, Payload
from imgtool.glance.body import USUAL_ALGORITHM, hash_of
from imgtool.glance.record import Record
from imgtool.model.delivery import UploadPlan

FORMAT = "raw"
"""The plugin's `output_format` that is understood. Another one cannot be told from a damaged image."""


def may_be(plan: UploadPlan, record: Record) -> bool:
    """Whether the record is of another format than was sent, and such as a Glance that converts makes it."""
    return plan.wanted.way != "direct" and plan.disk_format != FORMAT and record.disk_format == FORMAT


class SentDisk:
    """The disk that was sent, to be compared with what Glance made of it: its length, and its hash.

    The hash is computed while Glance converts and hashes as well, and given up where it turns out that Glance
    does not.
    """

    def __init__(self, disk: Bytes, worker: ThreadPoolExecutor, stopped: Event) -> None:
        self._disk = disk
        self._usual = worker.submit(hash_of, disk, USUAL_ALGORITHM, _UntilStopped(stopped))

    def __len__(self) -> int:
        return self._disk.size_bytes

    def hash_by(self, algorithm: str) -> str | None:
        """The disk's hash in hexadecimal; None for an `algorithm` that Python does not have.

        Waits for it. Raises ImageUnreadableError where the image is damaged, or changed; VerificationError
        where the disk begins as another format.
        """
        usual = self._usual.result()  # one reading at a time
        return usual if algorithm == USUAL_ALGORITHM else hash_of(self._disk, algorithm)


@contextmanager
def hashed(payload: Payload) -> Iterator[SentDisk | None]:
    """The disk of what was sent, hashed beside the block; None where what was sent is the disk itself."""
    if payload.disk is None:
        yield None
        return
    stopped = Event()
    with ThreadPoolExecutor(1) as worker:
        try:
            yield SentDisk(payload.disk, worker, stopped)
        finally:
            stopped.set()


class _UntilStopped:
    """A meter that ends the reading it meters, once nobody wants to know any more."""

    def __init__(self, stopped: Event) -> None:
        self._stopped = stopped

    def advance(self, _amount_bytes: int) -> None:
        if self._stopped.is_set():
            raise CancelledError
