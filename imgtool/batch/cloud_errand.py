"""A look into the clouds, by a child: which images are there, and what killed children left undone.

By a child, so that openstacksdk is in no process that lasts as long as the batch does.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from imgtool import glance
from imgtool.errors import ImgtoolError
from imgtool.glance import finish, images
from imgtool.model.batch import cloud_label
from imgtool.model.delivery import CloudName
from imgtool.progress import Progress

REQUEST_SECONDS = 60.0
ERRAND_SECONDS = 1800.0
"""For a thousand images: some milliseconds each, and a cloud that is slow."""


@dataclass(frozen=True, slots=True)
class CloudErrand:
    """Where to look."""

    clouds: tuple[CloudName, ...]
    uploads: Path
    """The notes of uploads."""
    image_ids: Mapping[str, Sequence[str]]
    """Which images may be there, by `cloud_label`."""

    def to_json(self) -> str:
        """One line."""
        return json.dumps(
            {
                "clouds": [asdict(cloud) for cloud in self.clouds],
                "uploads": str(self.uploads),
                "image_ids": {label: list(ids) for label, ids in self.image_ids.items()},
            }
        )


def from_values(values: Mapping[str, Any]) -> CloudErrand:
    """Of parsed JSON."""
    clouds = tuple(CloudName(**cloud) for cloud in values["clouds"])
    return CloudErrand(clouds, Path(values["uploads"]), values["image_ids"])


def look(errand: CloudErrand, progress: Progress) -> dict[str, list[str]]:
    """The ids of those that are there and active, by cloud; none of a cloud that cannot be asked."""
    return {cloud_label(name): _look(name, errand, progress) for name in errand.clouds}


def _look(name: CloudName, errand: CloudErrand, progress: Progress) -> list[str]:
    try:
        cloud = glance.connect(name.name, name.region, REQUEST_SECONDS)
        finish.recover(cloud, glance.Journal(errand.uploads), progress)
        wanted = errand.image_ids.get(cloud_label(name), ())
        found = ((image_id, images.find(cloud, image_id)) for image_id in wanted)
        return [image_id for image_id, record in found if record is not None and record.status == "active"]
    except ImgtoolError as error:
        progress.stage("cloud", error.message)
        return []
