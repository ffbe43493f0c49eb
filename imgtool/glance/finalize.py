"""The last steps of an upload, once its bytes are verified; and of one that was interrupted.

Each step can be done again, so that the next run can begin with the first: the journal says which image is
to have the name. An image that had it before stays, hidden and under another name: nothing is deleted.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from imgtool.errors import CloudError, ImgtoolError
from imgtool.glance import images, rollback
from imgtool.glance.cloud import Cloud
from imgtool.glance.failures import GlanceRefusal
from imgtool.glance.record import Record
from imgtool.glance.upload_journal import Entry, Journal
from imgtool.util.progress import Progress
from imgtool.util.text import printable

MAX_NAME = 255


def temporary_name(name: str, image_id: str) -> str:
    """Return the name of a new image until it is verified, while an older one still has its name."""
    return _with_suffix(name, f" (new {image_id[:8]})")


def former_name(name: str, image_id: str) -> str:
    """Return the name that an image gets when it is replaced."""
    return _with_suffix(name, f" (replaced {image_id[:8]})")


def _with_suffix(name: str, suffix: str) -> str:
    return name[: MAX_NAME - len(suffix)] + suffix


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
            _retire(former, entry, cloud)
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


def _retire(image_id: str, entry: Entry, cloud: Cloud) -> None:
    """Hide it and rename it, unless somebody did so or deleted it in between."""
    if not _has_name(image_id, entry, cloud):
        return
    try:
        images.patch(cloud, image_id, {"name": former_name(entry.name, image_id), "os_hidden": True})
    except GlanceRefusal:
        if _has_name(image_id, entry, cloud):
            raise


def _has_name(image_id: str, entry: Entry, cloud: Cloud) -> bool:
    record = images.find(cloud, image_id)
    return record is not None and record.status not in images.DELETED and record.name == entry.name


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
    return "is in place now"


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
