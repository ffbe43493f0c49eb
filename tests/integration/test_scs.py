"""A real Debian image by the SCS Image Metadata standard."""

import hashlib
import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from support.cli import imgtool
from support.images import create
from support.web import Site

GIVEN = {
    "replace_frequency": "monthly",
    "uuid_validity": "last-3",
    "provided_until": "notice",
    "image_source": "private",
    "image_description": "https://example.org/debian-12",
}
OPTIONS = [word for name, value in GIVEN.items() for word in ("--property", f"{name}={value}")]
ASKED = ("--cloud", "devcloud", "--name", "scs", "--metadata", "scs", "--min-ram", "512", "--dry-run")


def installed_last(disk: Path, folder: Path) -> str:
    """The day on which dpkg wrote its newest list, by e2fsprogs."""
    partition = folder / "root"
    table = json.loads(subprocess.run(["sfdisk", "--json", disk], capture_output=True, check=True).stdout)
    root = max(table["partitiontable"]["partitions"], key=lambda one: int(one["size"]))
    skip = [f"skip={root['start']}", f"count={root['size']}", "bs=512", "conv=sparse"]
    subprocess.run(["dd", f"if={disk}", f"of={partition}", *skip], check=True, capture_output=True)
    asked = ["debugfs", "-R", "ls -l /var/lib/dpkg/info", partition]
    shown = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    days = [line.split()[-3] for line in shown.splitlines() if line.rstrip().endswith(".list")]
    return max(f"{datetime.strptime(day, '%d-%b-%Y').replace(tzinfo=UTC).date()}" for day in days)


def test_a_debian_image(debian_image: Path, tmp_path: Path) -> None:
    run = imgtool("prepare", debian_image, *ASKED, *OPTIONS, "--output", "json")
    assert run.returncode == 0, run.stderr
    plan = json.loads(run.stdout)["upload"]
    properties = plan["properties"]
    assert properties | GIVEN == properties
    assert properties["image_build_date"] == installed_last(debian_image, tmp_path)
    assert plan["property_reasons"]["image_build_date"].startswith("/var/lib/dpkg/info: ")
    assert properties["image_original_user"] == "debian"
    assert plan["metadata"] == "scs"


def test_what_is_missing_is_named_and_nothing_is_done(debian_image: Path) -> None:
    run = imgtool("upload", debian_image, *ASKED)
    assert run.returncode == 2
    assert "image_source, image_description, replace_frequency, uuid_validity, provided_until" in run.stderr
    assert imgtool("upload", debian_image, *ASKED, "--insist").returncode == 0


def test_the_source_is_where_the_file_was_fetched_from(site: Site, tmp_path: Path) -> None:
    content = create(tmp_path / "disk.qcow2", "qcow2", "8M").read_bytes()
    url = site.put("/debian.qcow2", content)
    hashed = f"sha256:{hashlib.sha256(content).hexdigest()}"
    asked = ("upload", f"{url}?key=x", "--checksum", hashed, *ASKED, "--insist", "--keep-last", "4")
    run = imgtool(*asked, "--output", "json")
    assert run.returncode == 0, run.stderr
    properties = json.loads(run.stdout)["upload"]["properties"]
    assert (properties["image_source"], properties["uuid_validity"]) == (url, "last-4")
