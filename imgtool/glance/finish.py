"""The last steps of an upload, once its bytes are verified; and of one that was interrupted.

Each step can be done again, so that the next run can begin with the first: the journal says which image is
to have the name. An image that had it before stays, hidden and under another name: nothing is deleted.
"""

from imgtool.errors import CloudError, ImgtoolError
from imgtool.glance import images, members
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


def recover(cloud: Cloud, journal: Journal, progress: Progress) -> None:
    """Finish or undo what interrupted runs left in this cloud. What cannot be now is left to the next run."""
    for entry, page in journal.abandoned(cloud.endpoint, cloud.project_id):
        try:
            done = _recover(entry, cloud)
        except ImgtoolError as error:
            progress.stage("recover", f"image {entry.image_id} of an interrupted run stays: {error.message}")
            continue
        page.remove()
        progress.stage(
            "recover", f"{printable(entry.name)}: an interrupted run's image {entry.image_id} {done}"
        )


def _recover(entry: Entry, cloud: Cloud) -> str:
    if entry.step == "sending":
        images.delete(cloud, entry.image_id)
        return "is deleted"
    if images.find(cloud, entry.image_id) is None:
        return "is gone"
    share(entry, cloud)
    take_name(entry, cloud)
    return "is in place now"
