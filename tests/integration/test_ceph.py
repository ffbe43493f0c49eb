"""A Glance with Ceph behind it: what arrives in RBD is proven, and a clone of it is the disk sent."""

import filecmp
import json
import subprocess
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from support.cloud import Devcloud
from support.glance_client import images_named
from support.imports import KINDS, SIZE_BYTES, compressed, deliver, delivered, lying_cloud, make_disk, sha512
from support.own_cloud import cloud, running

__all__ = ["cloud", "running"]

POOL = "images"
STORES = ("rbd", "fast", "slow")
ALL = ("--all-stores",)


@pytest.fixture(scope="module", params=["ceph", "ceph,conversion"])
def parts(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    return make_disk(tmp_path / "disk.raw")


def rbd(cloud: Devcloud, *arguments: str | Path) -> str:
    """What `rbd` says, as Ceph's administrator."""
    configuration = cloud.clouds_yaml.parent / "ceph/ceph.conf"
    command = ["rbd", "--conf", configuration, *arguments]
    return subprocess.run(command, check=True, capture_output=True, encoding="utf-8", timeout=60).stdout


def cloned(cloud: Devcloud, image_id: str, target: Path) -> Path:
    """What a server would find on a disk that Nova clones from the image, as a file."""
    snapshot, clone = f"{POOL}/{image_id}@snap", f"{POOL}/clone-of-{image_id}"
    rbd(cloud, "clone", snapshot, clone)
    rbd(cloud, "export", clone, target)
    rbd(cloud, "rm", clone)
    return target


def require(found: dict[str, Any], there: dict[str, Any], stores: set[str]) -> None:
    """Glance has what imgtool says."""
    assert there["status"] == "active"
    assert set(there["stores"].split(",")) == stores
    assert (found["os_hash_value"], found["stored_format"]) == (there["os_hash_value"], there["disk_format"])


@pytest.mark.parametrize(("kind", "store"), list(zip(KINDS, cycle(STORES))))
def test_direct(kind: str, store: str, cloud: Devcloud, disk: Path) -> None:
    path, options = KINDS[kind](disk)
    found = delivered(path, f"{kind}, direct", "--method", "direct", "--store", store, *options)
    (there,) = images_named(f"{kind}, direct")
    require(found, there, {store})
    if "-O" not in options:
        assert there["os_hash_value"] == sha512(path)


def test_raw_into_ceph_is_cloned(cloud: Devcloud, disk: Path) -> None:
    found = delivered(compressed(disk), "raw", "--method", "direct", "--store", "rbd", "-O", "raw")
    (there,) = images_named("raw")
    require(found, there, {"rbd"})
    assert filecmp.cmp(disk, cloned(cloud, there["id"], disk.with_name("clone")), shallow=False)
    written = json.loads(rbd(cloud, "diff", f"{POOL}/{there['id']}", "--format", "json"))
    assert sum(extent["length"] for extent in written) < SIZE_BYTES, "no thin provisioning"


@pytest.mark.parametrize(("kind", "stores"), list(zip(KINDS, cycle([("rbd",), STORES]))))
def test_import(kind: str, stores: tuple[str, ...], parts: str, cloud: Devcloud, disk: Path) -> None:
    path, options = KINDS[kind](disk)
    chosen = ALL if len(stores) > 1 else ("--store", *stores)
    found = delivered(path, f"{kind}, import", "--method", "import", *chosen, *options)
    (there,) = images_named(f"{kind}, import")
    require(found, there, set(stores))
    if "conversion" in parts or kind == "raw as it is":
        assert (there["disk_format"], there["size"]) == ("raw", SIZE_BYTES)
        assert there["os_hash_value"] == sha512(disk)
        assert filecmp.cmp(disk, cloned(cloud, there["id"], disk.with_name("clone")), shallow=False)
    elif "-O" not in options:
        assert there["os_hash_value"] == sha512(path)


@pytest.mark.parametrize("store", ["fast", "slow"])
def test_an_import_into_a_folder_beside_ceph(store: str, parts: str, cloud: Devcloud, disk: Path) -> None:
    path = compressed(disk)
    found = delivered(path, store, "--method", "import", "--store", store)
    (there,) = images_named(store)
    require(found, there, {store})
    assert there["os_hash_value"] == sha512(disk if "conversion" in parts else path)


def test_a_lie_leaves_nothing_in_ceph(disk: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with lying_cloud("ceph,conversion", tmp_path, monkeypatch) as lying:
        refused = deliver(compressed(disk), "a lie", "--method", "import", *ALL)
        assert refused.returncode == 5, refused.stderr
        assert "what Glance has is not what was sent: sha512 is" in refused.stdout
        assert images_named("a lie") == []
        assert rbd(lying, "ls", POOL) == ""
