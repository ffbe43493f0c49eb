"""The last steps of an upload, once its bytes are verified; and of one that was interrupted.

Each step can be done again, so that the next run can begin with the first: the journal says which image is
to have the name. An image that had it before stays, hidden and under another name: nothing is deleted.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from imgtool.errors import CloudError, ImgtoolError
from imgtool.glance import images, removal, rollback
from imgtool.glance.cloud import Cloud
from imgtool.glance.needs import Needs
from imgtool.glance.record import Record
from imgtool.glance.upload_journal import Entry, Journal
from imgtool.util.progress import Progress
from imgtool.util.text import printable


def share(entry: Entry, cloud: Cloud) -> None:
    """Let its members have it. Raises CloudError."""
    if entry.members:
        images.share(cloud, entry.image_id, entry.members)


def take_name(entry: Entry, cloud: Cloud) -> Record:
    """Give the image its name, and those that had it another one; what it is then. Raises CloudError.

    First the old ones, then the new one: never do two images have the name.
    """
    with _incomplete(entry):
        for former in entry.replaces:
            removal.set_aside(former, entry, cloud)
        record = images.patch(cloud, entry.image_id, {"name": entry.name, "os_hidden": entry.hidden})
        if record.name != entry.name or (entry.hidden and cloud.hides and not record.hidden):
            state = "hidden" if record.hidden else "not hidden"
            raise CloudError(f"Glance shows it as {printable(record.name)!r}, {state}")
    return record


def protect(entry: Entry, cloud: Cloud) -> Record:
    """The last of all: what may have to be deleted again is not protected. Raises CloudError."""
    with _incomplete(entry):
        return images.patch(cloud, entry.image_id, {"protected": True})


@contextmanager
def _incomplete(entry: Entry) -> Iterator[None]:
    """Says what an error means for an image that is verified, and stays."""
    try:
        yield
    except CloudError as error:
        raise CloudError(
            f"image {entry.image_id} is complete, but was not given its name and attributes: {error.message}",
            hint="run the same command again: it finishes what is left",
        ) from error


def recover(cloud: Cloud, journal: Journal, progress: Progress, name: str | None = None) -> None:
    """Finish or undo what interrupted runs left in this cloud. What cannot be now is left to the next run.

    What Glance may be working on yet is waited for where it was to be `name`, and any where that is None.
    """
    journal.clear_stale_locks()
    for entry, page in journal.abandoned(cloud.endpoint, cloud.project_id, name):
        try:
            done = _recover(entry, page.age_seconds(), cloud, patient=name in {None, entry.name})
        except ImgtoolError as error:
            progress.stage("recover", f"image {entry.image_id} of an interrupted run stays: {error.message}")
            continue
        if not done:
            continue
        page.remove()
        progress.stage(
            "recover", f"{printable(entry.name)}: an interrupted run's image {entry.image_id} {done}"
        )


def _recover(entry: Entry, age_seconds: float, cloud: Cloud, *, patient: bool) -> str:
    """What was done; empty where nobody knows yet."""
    if entry.step == "sending":
        return _undo(entry, age_seconds, cloud, patient=patient)
    if entry.step == "retiring":
        return _retired(entry, cloud)
    record = images.find(cloud, entry.image_id)
    if record is None:
        return "is gone"
    if record.name != entry.name and (other := _named_meanwhile(entry, cloud)):
        rollback.until_gone(
            cloud,
            entry.image_id,
            coming_seconds=0,
            patience_seconds=rollback.DELETE_SECONDS if patient else 0,
        )
        return f"is deleted: {other.id} has its name now"
    share(entry, cloud)
    if entry.replaces:
        take_name(entry, cloud)
    if entry.protected:
        protect(entry, cloud)
    if entry.hides or entry.deletes:
        return f"is in place now, and {_retired(entry, cloud)}"
    return "is in place now"


def _retired(entry: Entry, cloud: Cloud) -> str:
    ends = removal.retire(entry, cloud, Needs(cloud))
    stay = [one for one in entry.deletes if one in ends]
    return f"has {len(entry.deletes) - len(stay)} older versions less" + (
        f"; {stay[0]} stays: {ends[stay[0]].reason}" if stay else ""
    )


def _named_meanwhile(entry: Entry, cloud: Cloud) -> Record | None:
    """An image that was given the name while this one waited for it."""
    found = images.named(cloud, entry.name)
    return next((one for one in found if one.id not in (entry.image_id, *entry.replaces)), None)


def _undo(entry: Entry, age_seconds: float, cloud: Cloud, *, patient: bool) -> str:
    """Who was killed may have asked for the image just before: Glance then makes it a little later."""
    was_there = rollback.until_gone(
        cloud,
        entry.image_id,
        coming_seconds=rollback.COMING_SECONDS - age_seconds if patient else 0,
        patience_seconds=rollback.DELETE_SECONDS - age_seconds if patient else 0,
    )
    may_come = not was_there and not patient and age_seconds < rollback.COMING_SECONDS
    return "" if may_come else "is deleted"
