"""Sharing an image with other projects: https://docs.openstack.org/api-ref/image/v2/#sharing ."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from imgtool.glance.images import require

if TYPE_CHECKING:
    from imgtool.glance.cloud import Cloud

_ALREADY = 409


def share(cloud: "Cloud", image_id: str, project_ids: Iterable[str]) -> None:
    """Make each project a member: it still has to accept the image. One that is a member already is fine."""
    for project_id in project_ids:
        answer = cloud.request("POST", f"/v2/images/{image_id}/members", json={"member": project_id})
        if answer.status != _ALREADY:
            require(answer, f"to share the image with project {project_id}")
