"""The steps of a retirement, which the next run can begin again: what is set aside, and what is deleted.

Nothing is deleted that has not been set aside before, so that what got its name back meanwhile stays.
"""

from dataclasses import dataclass

from imgtool.errors import CloudError
from imgtool.glance import images
from imgtool.glance.cloud import Cloud
from imgtool.glance.failures import GlanceRefusal
from imgtool.glance.names import former_name
from imgtool.glance.needs import Needs
from imgtool.glance.record import Record
from imgtool.glance.upload_journal import Entry
from imgtool.glance.versions import FINISHED, is_set_aside
from imgtool.model.retirement import Fate
from imgtool.util.text import printable

_CONFLICT = 409


@dataclass(frozen=True, slots=True)
class End:
    """What became of one image."""

    fate: Fate
    reason: str


def set_aside(image_id: str, entry: Entry, cloud: Cloud) -> None:
    """Hide it and rename it, unless somebody did so or deleted it in between."""
    if not _is_in_the_way(image_id, entry, cloud):
        return
    try:
        images.patch(cloud, image_id, {"name": former_name(entry.name, image_id), "os_hidden": True})
    except GlanceRefusal:
        if _is_in_the_way(image_id, entry, cloud):
            raise


def _is_in_the_way(image_id: str, entry: Entry, cloud: Cloud) -> bool:
    """Whether it has the name still, or stands in default lists under its former one."""
    record = _there(image_id, cloud)
    if record is None or is_set_aside(record, entry.name, can_hide=cloud.hides):
        return False
    return record.name in {entry.name, former_name(entry.name, image_id)}


def _there(image_id: str, cloud: Cloud) -> Record | None:
    record = images.find(cloud, image_id)
    return None if record is None or record.status in images.DELETED else record


def retire(entry: Entry, cloud: Cloud, needs: Needs) -> dict[str, End]:
    """Set aside and delete what the entry names; what became of each that did not go as it was meant to.

    The oldest goes first. Nothing is done where the image that is to stay is not there any more.
    """
    ends: dict[str, End] = {}
    if not (entry.hides or entry.deletes) or not _stays(entry, cloud):
        return dict.fromkeys((*entry.hides, *entry.deletes), End("kept", f"{entry.image_id} is gone"))
    for image_id in entry.hides:
        try:
            set_aside(image_id, entry, cloud)
        except CloudError as error:
            ends[image_id] = End("failed", error.message)
    for image_id in entry.deletes:
        if image_id not in ends and (end := _deleted(image_id, entry, cloud, needs)) is not None:
            ends[image_id] = end
    return ends


def _stays(entry: Entry, cloud: Cloud) -> bool:
    record = _there(entry.image_id, cloud)
    return record is not None and record.status in FINISHED


def _deleted(image_id: str, entry: Entry, cloud: Cloud, needs: Needs) -> End | None:
    """None where it is gone, else why it is not."""
    try:
        record = _there(image_id, cloud)
        if record is None:
            return None
        end = obstacle(record, entry, cloud, needs)
        if end is None:
            images.delete(cloud, image_id)
    except GlanceRefusal as error:
        if error.status == _CONFLICT:
            return End("needed", f"its store needs it: {error.message}")
        return End("failed", error.message)
    except CloudError as error:
        return End("failed", error.message)
    return end


def obstacle(record: Record, entry: Entry, cloud: Cloud, needs: Needs) -> End | None:
    """Return why it may not be deleted now; None where nothing is known."""
    if not is_set_aside(record, entry.name, can_hide=cloud.hides):
        return End("kept", f"it was changed meanwhile: its name is {printable(record.name)!r}")
    if record.protected:
        return End("protected", "it is protected from deletion")
    return needed(record.id, needs)


def needed(image_id: str, needs: Needs) -> End | None:
    """Return what uses it; None where nothing is known to."""
    need = needs.of(image_id)
    return None if need is None else End("needed" if need.certain else "unknown", need.reason)
