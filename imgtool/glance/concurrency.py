"""Two runs that want one name: the next waits for the first, or one of them gives way.

On one machine, or where they share the folder of notes, one run at a time decides about a name, and takes it.
The next waits, then sees what the first one left, as if it had been started later.

Of two runs that do not know of each other only one image keeps the name. Each looks for others once its own
record is there, and once more when it is verified. Who made the younger record gives way: at the latest when
that one looks, the older one is to be seen. Both see the same `created_at`, which Glance gives, and the same
ids where that is equal.

What this cannot exclude: that both keep the name where the clocks of Glance's own machines differ, where a
replica of its database lags behind, or where one upload began and ended within the second in which the other
one began (`created_at` has whole seconds). Nor that somebody who is no imgtool takes the name later, or does
not give way. Who is older and sees the other one says so in its result.
"""

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from imgtool.errors import CloudError
from imgtool.glance import images
from imgtool.glance.cloud import Cloud
from imgtool.glance.record import Record
from imgtool.glance.upload_journal import Journal
from imgtool.model.delivery import UploadPlan
from imgtool.util.progress import Progress
from imgtool.util.text import printable

WAIT_SECONDS = 3600.0
"""How long to wait for others that upload an image of the same name, each time that it is decided about."""
_TELL_SECONDS = 0.3
"""Who only clears up takes less."""


@contextmanager
def alone(plan: UploadPlan, cloud: Cloud, journal: Journal, progress: Progress) -> Iterator[None]:
    """No other run of this folder decides about the name meanwhile. Raises CloudError, UsageError.

    Where several images of the name are asked for (`new`) nobody waits.
    """
    if plan.wanted.on_conflict == "new":
        yield
        return
    with only_one(plan.wanted.name, cloud, journal, progress):
        yield


@contextmanager
def only_one(name: str, cloud: Cloud, journal: Journal, progress: Progress) -> Iterator[None]:
    """No other run of this folder decides about `name` meanwhile. Raises CloudError, UsageError."""
    patience = _Patience(f"waits for another upload of {printable(name)} to {cloud.name}", progress)
    with journal.name_lock(cloud.endpoint, cloud.project_id, name, patience.is_over) as taken:
        if not taken:
            raise CloudError(
                f"another upload of {printable(name)} to {cloud.name} has been going on for "
                f"{WAIT_SECONDS / 60:.0f} minutes",
                hint="wait for its end, and run the same command again",
            )
        yield


class _Patience:
    """Says once that it waits, and when that was long enough."""

    def __init__(self, message: str, progress: Progress) -> None:
        self._message = message
        self._progress = progress
        self._began = time.monotonic()
        self._told = False

    def is_over(self) -> bool:
        """Asked from time to time while the lock is another's."""
        waited = time.monotonic() - self._began
        if waited > _TELL_SECONDS and not self._told:
            self._told = True
            self._progress.stage("wait", self._message)
        return waited > WAIT_SECONDS


class OvertakenError(CloudError):
    """An older image has the name, which was not there when the upload began."""


def younger(cloud: Cloud, own: Record, name: str, known: Collection[str]) -> tuple[Record, ...]:
    """Images of that name that came after ours, except for the ids `known`. Raises OvertakenError."""
    found = tuple(one for one in images.named(cloud, name) if one.id != own.id and one.id not in known)
    older = next((one for one in found if _is_before(one, own)), None)
    if older is not None:
        raise OvertakenError(
            f"{cloud.name}: another upload made an image named {printable(name)!r} meanwhile: {older.id} "
            f"({older.status}); it is the older one and keeps the name",
            hint="run the command again: it decides about the image that is there now",
        )
    return found


def _is_before(one: Record, other: Record) -> bool:
    if one.created_at is None or other.created_at is None:
        return one.id < other.id
    return (one.created_at, one.id) < (other.created_at, other.id)


def note(record: Record) -> str:
    """Return the note for the result of the run that keeps the name."""
    return (
        f"another image of this name came meanwhile: {record.id} ({record.status}); it is younger, and goes "
        f"again if imgtool makes it"
    )
