"""What a Glance does to an import by its plugins: what it converts is proven by the disk in what was sent."""

from itertools import cycle
from pathlib import Path

import pytest
from support.cloud import Devcloud
from support.glance_client import images_named
from support.images import create
from support.imports import KINDS, SIZE_BYTES, compressed, deliver, delivered, lying_cloud, make_disk, sha512
from support.own_cloud import cloud, running

pytestmark = pytest.mark.series(3)

__all__ = ["cloud", "running"]

PARTS = ["", "conversion", "decompression", "decompression,conversion", "metadata"]
STORES = [(), ("--store", "slow"), ("--all-stores",)]


@pytest.fixture(scope="module", params=PARTS, ids=lambda parts: parts or "none")
def parts(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    return make_disk(tmp_path / "disk.raw")


@pytest.mark.parametrize(("kind", "stores"), zip(KINDS, cycle(STORES)))
def test_an_import_is_proven(
    kind: str, stores: tuple[str, ...], parts: str, cloud: Devcloud, disk: Path
) -> None:
    path, options = KINDS[kind](disk)
    found = delivered(path, kind, "--method", "import", *stores, *options)
    (there,) = images_named(kind)
    assert there["status"] == "active"
    assert found["os_hash_value"] == there["os_hash_value"]
    assert found["stored_format"] == there["disk_format"]
    if "conversion" in parts or kind == "raw as it is":
        assert there["disk_format"] == "raw"
        assert (there["size"], there["os_hash_value"]) == (SIZE_BYTES, sha512(disk))
    elif "-O" not in options:
        assert there["os_hash_value"] == sha512(path)
    assert ("devcloud_injected" in there) == ("metadata" in parts)


def test_a_direct_upload_is_never_converted(cloud: Devcloud, disk: Path) -> None:
    path = compressed(disk)
    assert delivered(path, "direct", "--method", "direct")["stored_format"] == "qcow2"
    assert images_named("direct")[0]["os_hash_value"] == sha512(path)


def test_the_same_again_is_already_there(cloud: Devcloud, disk: Path) -> None:
    path = compressed(disk)
    first = delivered(path, "again", "--method", "import")
    second = delivered(path, "again", "--method", "import")
    assert (first["ending"], second["ending"]) == ("uploaded", "already-there")
    assert second["image_id"] == first["image_id"]
    third = delivered(
        create(disk.with_name("other.qcow2"), "qcow2", "24M"),
        "again",
        "--method",
        "import",
        "--on-conflict",
        "replace",
    )
    assert third["replaced"] == [first["image_id"]]
    (there,) = [one for one in images_named("again") if not one["os_hidden"]]
    assert there["id"] == third["image_id"]


def test_a_glance_that_converts_to_another_disk_keeps_nothing(
    disk: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with lying_cloud("conversion", tmp_path, monkeypatch):
        refused = deliver(compressed(disk), "a lie", "--method", "import")
        assert refused.returncode == 5, refused.stderr
        assert "what Glance has is not what was sent: sha512 is" in refused.stdout
        assert images_named("a lie") == []
