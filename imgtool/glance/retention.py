"""`--keep-last`: what becomes of older versions when a new one has arrived.

That they could not be retired is noted: it is no reason to take the new image out of the cloud again.
"""

from dataclasses import dataclass, replace

from imgtool.errors import CloudError, UsageError
from imgtool.glance import removal, retire
from imgtool.glance.cloud import Cloud
from imgtool.glance.needs import Needs
from imgtool.glance.upload_journal import Entry, Journal
from imgtool.glance.versions import Wanted
from imgtool.model.delivery import GlanceTarget
from imgtool.model.retirement import Retirement, Version
from imgtool.util.progress import Progress


@dataclass(frozen=True, slots=True)
class Decided:
    """What the journal notes before the new image gets its name."""

    entry: Entry
    """With the ids of the versions that go."""
    versions: tuple[Version, ...] = ()
    keep: int | None = None
    """None: nothing is to go."""
    notes: tuple[str, ...] = ()

    def carried_out(self, cloud: Cloud, progress: Progress) -> Retirement | None:
        """Hide and delete them; None where nothing was to go."""
        if self.keep is None:
            return None
        needs = Needs(cloud)
        versions = retire.ended(self.versions, removal.retire(self.entry, cloud, needs))
        done = Retirement(cloud.name, self.entry.name, self.keep, versions, needs.notes)
        return retire.tell(done, progress)


def decided(wanted: GlanceTarget, entry: Entry, cloud: Cloud) -> Decided:
    """Decide which versions go for the one that has just been verified."""
    if wanted.keep_last is None:
        return Decided(entry)
    asked = Wanted(entry.name, wanted.keep_last, current=entry.image_id)
    try:
        versions = retire.decided(asked, cloud)
    except CloudError as error:
        return Decided(entry, notes=(_not_done(error),))
    return Decided(retire.noted(entry, versions), versions, wanted.keep_last)


def of_what_is_there(
    wanted: GlanceTarget, image_id: str, cloud: Cloud, journal: Journal, progress: Progress
) -> tuple[Retirement | None, tuple[str, ...]]:
    """Retire versions older than an image that was there already; what was done, and why not."""
    if wanted.keep_last is None:
        return None, ()
    asked = Wanted(wanted.name, wanted.keep_last, current=image_id)
    try:
        _refuse_newer(asked, cloud)
        return retire.rotate(asked, cloud, journal, progress), ()
    except (CloudError, UsageError) as error:
        return None, (_not_done(error),)


def _refuse_newer(asked: Wanted, cloud: Cloud) -> None:
    """Raise CloudError where another one is what the name stands for: that would be hidden."""
    usual = retire.decided(replace(asked, current=None), cloud)
    other = next((one for one in usual if one.fate == "current" and one.image_id != asked.current), None)
    if other is not None:
        raise CloudError(f"{other.image_id} has the name too, and is newer")


def _not_done(error: CloudError | UsageError) -> str:
    return f"older versions were not retired: {error.message}"
