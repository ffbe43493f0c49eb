"""The last steps of an upload, once its bytes are verified; and of one that was interrupted.

Each step can be done again, so that the next run can begin with the first: the journal says which image is
to have the name. An image that had it before stays, hidden and under another name: nothing is deleted.
"""

from imgtool.errors import CloudError, ImgtoolError
from imgtool.glance import deletion, images, members
from imgtool.glance.cloud import Cloud
from imgtool.glance.journal import Entry, Journal
from imgtool.progress import Progress
from imgtool.text import printable

MAX_NAME = 255


def temporary_name(name: str, image_id: str) -> str:
    """Of a new image until its bytes are verified, while an older one still has its name."""
    return _with_suffix(name, f" (new {image_id[:8]})")


def former_name(name: str, image_id: str) -> str:
    """Of an image that was replaced."""
    return _with_suffix(name, f" (replaced {image_id[:8]})")


def _with_suffix(name: str, suffix: str) -> str:
    return name[: MAX_NAME - len(suffix)] + suffix


def share(entry: Entry, cloud: Cloud) -> None:
    """Let its members have it. Raises CloudError."""
    if entry.members:
        members.share(cloud, entry.image_id, entry.members)


def take_name(entry: Entry, cloud: Cloud) -> None:
    """Give the image its name and attributes, and those that had it another name. Raises CloudError.

    First the old ones, then the new one: never do two images have the name.
    """
    try:
        for former in entry.replaces:
            _retire(former, entry, cloud)
        images.patch(cloud, entry.image_id, _final(entry))
    except CloudError as error:
        raise CloudError(
            f"image {entry.image_id} is complete, but was not given its name and attributes: {error.message}",
            hint="run the same command again: it finishes what is left",
        ) from error


def _final(entry: Entry) -> dict[str, object]:
    return {"name": entry.name, "os_hidden": entry.hidden, "protected": entry.protected}


def _retire(image_id: str, entry: Entry, cloud: Cloud) -> None:
    """Hide it and rename it, unless somebody did so or deleted it in between."""
    record = images.find(cloud, image_id)
    if record is not None and record.name == entry.name:
        images.patch(cloud, image_id, {"name": former_name(entry.name, image_id), "os_hidden": True})


def recover(cloud: Cloud, journal: Journal, progress: Progress, name: str | None = None) -> None:
    """Finish or undo what interrupted runs left in this cloud. What cannot be now is left to the next run.

    What Glance may be working on yet is waited for where it was to be `name`, and any where that is None.
    """
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
    if images.find(cloud, entry.image_id) is None:
        return "is gone"
    share(entry, cloud)
    take_name(entry, cloud)
    return "is in place now"


def _undo(entry: Entry, age_seconds: float, cloud: Cloud, *, patient: bool) -> str:
    """Who was killed may have asked for the image just before: Glance then makes it a little later."""
    was_there = deletion.until_gone(
        cloud,
        entry.image_id,
        coming_seconds=deletion.COMING_SECONDS - age_seconds if patient else 0,
        patience_seconds=deletion.DELETE_SECONDS - age_seconds if patient else 0,
    )
    may_come = not was_there and not patient and age_seconds < deletion.COMING_SECONDS
    return "" if may_come else "is deleted"
