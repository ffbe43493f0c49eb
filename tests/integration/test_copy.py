"""An image into further stores: Glance copies, imgtool waits and looks, and the image stays the same."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cli import imgtool
from support.cloud import Devcloud, cloud_with
from support.glance_client import images_named

CLOUD = ("--cloud", "devcloud")
"""An administrator: copy_image is nobody else's by default."""
CONTENT = os.urandom(3 << 20)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devcloud]:
    with cloud_with("", tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture(autouse=True)
def cloud(running: Devcloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Devcloud:
    running.enter(monkeypatch, tmp_path)
    monkeypatch.chdir(tmp_path)
    return running


@pytest.fixture
def image(request: pytest.FixtureRequest) -> dict[str, Any]:
    """One in the store `fast`, called as the test."""
    Path("disk.raw").write_bytes(CONTENT)
    name = request.node.name
    run = imgtool("upload", "disk.raw", *CLOUD, "--name", name, "--store", "fast", "--on-conflict", "new")
    assert run.returncode == 0, run.stderr
    return images_named(name, "devcloud")[-1]


def test_into_one_store_by_name_and_into_all_by_id(image: dict[str, Any]) -> None:
    run = imgtool("copy", image["name"], *CLOUD, "--store", "slow", "--output", "json")
    assert run.returncode == 0, run.stderr
    (copied,) = json.loads(run.stdout)["copies"]
    assert (copied["copied"], sorted(copied["stores"])) == (["slow"], ["fast", "slow"])
    assert copied["os_hash_value"] == hashlib.sha512(CONTENT).hexdigest()
    (there,) = images_named(image["name"], "devcloud")
    assert sorted(there["stores"].split(",")) == ["fast", "slow"]
    changing = {"stores", "updated_at", "os_glance_importing_to_stores", "os_glance_failed_import"}
    for key in image.keys() - changing:
        assert there[key] == image[key], key
    again = imgtool("copy", image["id"], *CLOUD, "--all-stores")
    assert again.returncode == 0, again.stderr
    assert "copied into            none: it was in all of them" in again.stdout


def test_a_store_that_fails_is_told_and_the_image_stays(image: dict[str, Any], cloud: Devcloud) -> None:
    store = cloud.clouds_yaml.parent / "slow"
    store.rename(store.with_name("slow.away"))
    store.write_text("no folder")
    try:
        run = imgtool("copy", image["id"], *CLOUD, "--all-stores", "--timeout", "60")
        assert run.returncode == 6, run.stderr
        assert f"image {image['id']} was not copied into slow" in run.stderr
        assert "it is in fast, as it was" in run.stderr
    finally:
        store.unlink()
        store.with_name("slow.away").rename(store)
    (there,) = images_named(image["name"], "devcloud")
    assert (there["status"], there["os_hash_value"]) == ("active", image["os_hash_value"])
    again = imgtool("copy", image["id"], *CLOUD, "--all-stores")
    assert again.returncode == 0, again.stderr
    assert sorted(images_named(image["name"], "devcloud")[0]["stores"].split(",")) == ["fast", "slow"]


REFUSED: dict[str, tuple[tuple[str, ...], int, str]] = {
    "no store": ((), 2, "--store NAME or --all-stores is required"),
    "both": (("--store", "slow", "--all-stores"), 2, "is required"),
    "unknown store": (("--store", "tape"), 6, "has no store tape"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_refused(kind: str, image: dict[str, Any]) -> None:
    options, status, words = REFUSED[kind]
    run = imgtool("copy", image["id"], *CLOUD, *options)
    assert run.returncode == status, run.stderr
    assert words in run.stderr


def test_an_image_that_is_not_there_or_not_only_one(image: dict[str, Any]) -> None:
    missing = imgtool("copy", "nowhere", *CLOUD, "--all-stores")
    assert missing.returncode == 6
    assert "has no image nowhere" in missing.stderr
    second = imgtool(
        "upload", "disk.raw", *CLOUD, "--name", image["name"], "--on-conflict", "new", "--store", "fast"
    )
    assert second.returncode == 0, second.stderr
    two = imgtool("copy", image["name"], *CLOUD, "--all-stores")
    assert two.returncode == 6
    assert "has 2 images named" in two.stderr


def test_a_member_may_not(cloud: Devcloud) -> None:
    Path("disk.raw").write_bytes(CONTENT)
    member = ("--cloud", "devcloud-member")
    assert imgtool("upload", "disk.raw", *member, "--name", "member", "--store", "fast").returncode == 0
    run = imgtool("copy", "member", *member, "--store", "slow")
    assert run.returncode == 6
    assert "policy copy_image" in run.stderr


def test_several_clouds(image: dict[str, Any]) -> None:
    clouds = ("--cloud", "devcloud", "--cloud", "devcloud-member")
    run = imgtool("copy", image["name"], *clouds, "--store", "slow", "--output", "json")
    assert run.returncode == 6
    document = json.loads(run.stdout)
    assert document["copies"][0]["copied"] == ["slow"]
    assert "has no image" in document["copies"][1]["error"]["message"]
    assert "1 of 2 clouds" in document["error"]["message"]
