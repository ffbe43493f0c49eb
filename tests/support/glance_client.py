"""What Glance itself says, asked by another client than ours, in a process of its own."""

import json
import subprocess
import sys
from typing import Any

_CODE = """
import json, openstack, sys

cloud = openstack.connect(cloud=sys.argv[1])
found = []
for hidden in ("false", "true"):
    asked = {"name": sys.argv[2], "os_hidden": hidden, "limit": "1000"}
    found += cloud.image.get("/images", params=asked).json()["images"]
for image in found:
    if image["visibility"] == "shared" and image["owner"] == cloud.current_project_id:
        members = cloud.image.get(f"/images/{image['id']}/members").json()["members"]
        image["members"] = [member["member_id"] for member in members]
print(json.dumps({"images": found, "project": cloud.current_project_id}))
"""

_ALL = """
import json, openstack, sys

cloud = openstack.connect(cloud=sys.argv[1])
images = cloud.image.images(owner=cloud.current_project_id)
found = [image for image in images if (image.name or "").startswith(sys.argv[2])]
print(json.dumps([{"id": image.id, "name": image.name, "status": image.status} for image in found]))
"""

_FORGET = """
import openstack, sys

cloud = openstack.connect(cloud="devcloud")
for hidden in (False, True):
    for image in cloud.image.images(is_hidden=hidden):
        if (image.name or "").startswith(tuple(sys.argv[1:])):
            if image.is_protected:
                cloud.image.update_image(image, is_protected=False)
            cloud.image.delete_image(image)
"""


def images_named(name: str, cloud: str = "devcloud-member") -> list[dict[str, Any]]:
    """Every image of that name that the cloud's user sees, hidden ones too, with Glance's own keys."""
    found: list[dict[str, Any]] = _asked(cloud, name)["images"]
    return found


def images_that_begin_with(prefix: str, cloud: str = "devcloud-member") -> list[dict[str, Any]]:
    """Every image of the user's project whose name begins so, whatever its status."""
    run = subprocess.run(
        [sys.executable, "-c", _ALL, cloud, prefix], capture_output=True, text=True, check=True
    )
    found: list[dict[str, Any]] = json.loads(run.stdout)
    return found


def forget(*prefixes: str) -> None:
    """Deletes all images whose names begin with one of these, whoever has them."""
    subprocess.run([sys.executable, "-c", _FORGET, *prefixes], check=True)


def project_of(cloud: str) -> str:
    """The id of the project that the cloud's user works in."""
    return str(_asked(cloud, "none")["project"])


def _asked(cloud: str, name: str) -> dict[str, Any]:
    argv = [sys.executable, "-c", _CODE, cloud, name]
    run = subprocess.run(argv, capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(run.stdout)
    return answer
