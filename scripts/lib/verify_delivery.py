"""Asks Glance, by openstacksdk alone, whether an image arrived as it was meant: the quickstart's last word.

usage: verify_delivery.py CLOUD REPORT SOURCE; REPORT is what `imgtool prepare --report json=PATH` wrote.

Downloads the image, hashes it here, and has qemu-img compare it with SOURCE, the raw image that was given
to prepare. Exit status 0 when all held.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openstack

PROPERTIES = {"hw_disk_bus": "virtio", "hw_qemu_guest_agent": "yes", "os_distro": "debian"}


def main(cloud: str, report: str, source: str) -> int:
    """Prints each thing that has to hold, and whether it did."""
    sent = json.loads(Path(report).read_text(encoding="utf-8"))["results"][0]["upload"]
    glance = openstack.connect(cloud=cloud).image
    facts = glance.get_image(sent["image_id"]).to_dict()
    with tempfile.TemporaryDirectory(prefix="imgtool-quickstart-") as work:
        downloaded = Path(work) / "downloaded.qcow2"
        glance.download_image(sent["image_id"], output=str(downloaded), stream=True)
        held = [*_judge(facts, sent["os_hash_value"], downloaded), _same_disk(Path(source), downloaded)]
    for what, value, holds in held:
        print(f"  {'ok ' if holds else 'NOT'}  {what:<22} {value}")
    return 0 if all(holds for *_, holds in held) else 1


def _judge(facts: dict[str, Any], sent_hash: str, downloaded: Path) -> list[tuple[str, str, bool]]:
    """What Glance says of the image, what it should be, and whether it is."""
    with downloaded.open("rb") as file:
        arrived = hashlib.file_digest(file, "sha512").hexdigest()
    stored = str(facts["hash_value"])
    hashes = f"{stored[:16]}..., the sha512 of what was sent and of a download"
    return [
        ("status", facts["status"], facts["status"] == "active"),
        ("os_hash_value", hashes, facts["hash_algo"] == "sha512" and stored == sent_hash == arrived),
        *_judge_properties(facts),
    ]


def _judge_properties(facts: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """openstacksdk keeps some properties under their own names, the rest under `properties`."""
    for name, wanted in PROPERTIES.items():
        value = facts.get(name) or facts["properties"].get(name)
        yield name, str(value), value == wanted


def _same_disk(source: Path, downloaded: Path) -> tuple[str, str, bool]:
    command = ["qemu-img", "compare", "-f", "raw", "-F", "qcow2", str(source), str(downloaded)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return ("qemu-img compare", (done.stdout + done.stderr).strip(), done.returncode == 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
