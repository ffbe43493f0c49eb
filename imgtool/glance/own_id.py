"""An id that the operator chose may be another image's: then no failure of ours may delete that image."""

from imgtool.errors import CloudError
from imgtool.glance import images
from imgtool.glance.cloud import Cloud
from imgtool.glance.failures import GlanceRefusal
from imgtool.model.delivery import UploadPlan

_TAKEN = 409


class IdTakenError(CloudError):
    """Another image has the id."""


def refuse_taken(wanted_id: str | None, cloud: Cloud) -> None:
    """Before the id is noted as one that is to be deleted. Raises IdTakenError."""
    if wanted_id is not None and images.find(cloud, wanted_id) is not None:
        raise _taken(wanted_id, cloud)


def create(cloud: Cloud, image_id: str, plan: UploadPlan, *, name: str, hidden: bool) -> None:
    """As images.create. Also an image that this user does not see, or that came just now, may have the id.

    An id of our own making is ours even then: Glance may have said so of a record that it had made for us.
    """
    try:
        images.create(cloud, image_id, plan, name=name, hidden=hidden)
    except GlanceRefusal as error:
        if plan.wanted.image_id is None or error.status != _TAKEN:
            raise
        raise _taken(image_id, cloud, f": {error.message}") from error


def _taken(image_id: str, cloud: Cloud, words: str = "") -> IdTakenError:
    return IdTakenError(
        f"{cloud.name} has an image with the id {image_id} already{words}",
        hint="leave --id out, or give another one; the image that is there was not touched",
    )
