"""Asks Glance, by openstacksdk alone, whether an image arrived as it was meant: the quickstart's last word.

usage: verify_delivery.py CLOUD REPORT SOURCE; REPORT is what `imgtool prepare --output json` printed.

Downloads the image, hashes it here, and has qemu-img compare it with SOURCE, the raw image that was given
to prepare. Exit status 0 when all held.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import openstack
from openstack.image.v2.image import Image

PROPERTIES = {"hw_disk_bus": "virtio", "hw_qemu_guest_agent": "yes", "os_distro": "debian"}


def main(cloud: str, report: str, source: str) -> int:
    """Prints each thing that has to hold, and whether it did."""
    sent = json.loads(Path(report).read_text(encoding="utf-8"))["upload"]
    connection = openstack.connect(cloud=cloud)
    image = connection.image.get_image(sent["image_id"])
    with tempfile.TemporaryDirectory(prefix="imgtool-quickstart-") as work:
        downloaded = Path(work) / "downloaded.qcow2"
        connection.image.download_image(image, output=str(downloaded), stream=True)
        held = [*_facts(image, sent["os_hash_value"], downloaded), _same_disk(Path(source), downloaded)]
    for what, value, holds in held:
        print(f"  {'ok ' if holds else 'NOT'}  {what:<22} {value}")
    return 0 if all(holds for *_, holds in held) else 1


def _facts(image: Image, sent_hash: str, downloaded: Path) -> list[tuple[str, str, bool]]:
    with downloaded.open("rb") as file:
        arrived = hashlib.file_digest(file, "sha512").hexdigest()
    same = image.hash_algo == "sha512" and image.hash_value == sent_hash == arrived
    properties = {name: (_value(image, name), value) for name, value in PROPERTIES.items()}
    return [
        ("status", image.status, image.status == "active"),
        (
            "os_hash_value",
            f"{image.hash_value[:16]}..., sha512 of what was sent and of a download",
            same,
        ),
        *(
            (name, str(_value(image, name)), _value(image, name) == value)
            for name, value in PROPERTIES.items()
        ),
    ]


def _value(image: Image, name: str) -> object:
    """A property, whether or not openstacksdk has an attribute of that name."""
    value = getattr(image, name, None)
    return value if value is not None else image.properties.get(name)


def _same_disk(source: Path, downloaded: Path) -> tuple[str, str, bool]:
    command = ["qemu-img", "compare", "-f", "raw", "-F", "qcow2", source, downloaded]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return ("qemu-img compare", (done.stdout + done.stderr).strip(), done.returncode == 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
