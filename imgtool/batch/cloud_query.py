"""A look into the clouds, by a child: which images are there, and what killed children left undone.

By a child, so that openstacksdk is in no process that lasts as long as the batch does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from imgtool import glance
from imgtool.errors import ImgtoolError
from imgtool.glance import finalize, images
from imgtool.model.delivery import CloudName
from imgtool.util.progress import Progress

REQUEST_SECONDS = 60.0
QUERY_SECONDS = 1800.0
"""For a thousand images: some milliseconds each, and a cloud that is slow."""


@dataclass(frozen=True, slots=True)
class CloudQuery:
    """Where to look."""

    clouds: tuple[CloudName, ...]
    uploads: Path
    """The notes of uploads."""
    image_ids: Mapping[str, tuple[str, ...]]
    """Which images may be there, by `CloudName.label`."""


def look(query: CloudQuery, progress: Progress) -> dict[str, list[str]]:
    """The ids of those that are there and active, by cloud; none of a cloud that cannot be asked."""
    return {name.label: _look(name, query, progress) for name in query.clouds}


def _look(name: CloudName, query: CloudQuery, progress: Progress) -> list[str]:
    try:
        cloud = glance.connect(name.name, name.region, REQUEST_SECONDS)
        finalize.recover(cloud, glance.Journal(query.uploads), progress)
        wanted = query.image_ids.get(name.label, ())
        found = ((image_id, images.find(cloud, image_id)) for image_id in wanted)
        return [image_id for image_id, record in found if record is not None and record.status == "active"]
    except ImgtoolError as error:
        progress.stage("cloud", error.message)
        return []
