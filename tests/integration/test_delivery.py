"""Each option of upload and prepare against a real Keystone and Glance, looked at by another client."""

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.cli import assert_clean_failure, imgtool
from support.cloud import Devcloud
from support.glance_client import images_named, project_of
from support.images import create, qemu_io

from imgtool.convert.digest import hash_of_file
from imgtool.model.source import SHA256_CHUNKS

ID = "c0ffee00-0000-4000-8000-{:012x}"


@pytest.fixture
def state(devcloud: Devcloud) -> Path:
    """Where unfinished uploads are noted."""
    return Path(os.environ["XDG_STATE_HOME"], "imgtool", "uploads")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A small qcow2 whose bytes no other test has."""
    path = create(tmp_path / "disk.qcow2", "qcow2", "24M")
    qemu_io(path, ["write -P 7 1M 2M"])
    with path.open("ab") as file:
        file.write(os.urandom(512).ljust(64 << 10, b"\0"))
    return path


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Other bytes."""
    path = create(tmp_path / "other.qcow2", "qcow2", "16M")
    qemu_io(path, ["write -P 9 2M 1M"])
    return path


def upload(
    image: Path, name: str, *options: str, cloud: str = "devcloud-member"
) -> subprocess.CompletedProcess[str]:
    return imgtool("upload", image, "--cloud", cloud, "--name", name, "--output", "json", *options)


def uploaded(image: Path, name: str, *options: str, cloud: str = "devcloud-member") -> dict[str, Any]:
    run = upload(image, name, *options, cloud=cloud)
    assert run.returncode == 0, run.stderr + run.stdout
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def sha512(path: Path) -> str:
    return hashlib.sha512(path.read_bytes()).hexdigest()


def test_every_attribute_arrives(devcloud, image: Path, name: str) -> None:
    own_id = ID.format(os.getpid())
    told = uploaded(
        image, name, "--protected", "--hidden", "--tag", "golden", "--tag", "weekly", "--min-disk", "5",
        "--min-ram", "256", "--id", own_id, "--visibility", "community", "--property", "team=images",
    )  # fmt: skip
    (found,) = images_named(name)
    assert (found["id"], told["image_id"]) == (own_id, own_id)
    assert (found["protected"], found["os_hidden"], found["visibility"]) == (True, True, "community")
    assert set(found["tags"]) == {"golden", "weekly"}
    assert (found["min_disk"], found["min_ram"], found["team"]) == (5, 256, "images")
    assert found["imgtool_version"]
    assert "imgtool_policy" not in found  # nobody judged it
    assert found["os_hash_value"] == told["os_hash_value"] == sha512(image)


def test_members_share_it(devcloud, image: Path, name: str) -> None:
    project = project_of("devcloud-member")
    uploaded(image, name, "--member", project, cloud="devcloud")
    (found,) = images_named(name, "devcloud")
    assert (found["visibility"], found["members"]) == ("shared", [project])


def test_an_administrator_can_give_it_to_another_project(devcloud, image: Path, name: str) -> None:
    project = project_of("devcloud-member")
    uploaded(image, name, "--owner-project", project, cloud="devcloud")
    (found,) = images_named(name)
    assert found["owner"] == project


@pytest.mark.parametrize("method", ["direct", "import"])
@pytest.mark.parametrize("store", ["fast", "slow"])
def test_each_store_by_each_method(method: str, store: str, devcloud, image: Path, name: str) -> None:
    told = uploaded(image, name, "--method", method, "--store", store)
    (found,) = images_named(name)
    assert (found["status"], found["stores"]) == ("active", store)
    assert (told["method"], told["stores"]) == (method, [store])
    assert found["os_hash_value"] == sha512(image)


@pytest.mark.parametrize("options", [["--all-stores"], ["--store", "fast", "--store", "slow"]])
def test_several_stores_at_once(options: list[str], devcloud, image: Path, name: str) -> None:
    told = uploaded(image, name, *options, cloud="devcloud")
    (found,) = images_named(name, "devcloud")
    assert found["status"] == "active"
    assert set(found["stores"].split(",")) >= {"fast", "slow"}
    assert told["method"] == "import"


def test_a_store_that_there_is_not_is_found_out_before_anything_is_sent(
    devcloud, image: Path, name: str
) -> None:
    options = ["--cloud", "devcloud-member", "--name", name, "--store", "none-such", "-p", "never"]
    run = imgtool("upload", image, *options)
    assert_clean_failure(run, 6, "none-such", "fast", "slow")
    assert images_named(name) == []


def test_the_same_bytes_under_the_same_name_are_already_there(devcloud, image: Path, name: str) -> None:
    first = uploaded(image, name)
    again = uploaded(image, name)
    assert (again["ending"], again["image_id"]) == ("already-there", first["image_id"])
    shown = imgtool("upload", image, "--cloud", "devcloud-member", "--name", name)
    assert "already there" in shown.stdout
    assert len(images_named(name)) == 1


def test_another_of_the_name_fails_unless_something_else_is_asked_for(
    devcloud, image: Path, other: Path, name: str
) -> None:
    first = uploaded(image, name)
    refused = imgtool("upload", other, "--cloud", "devcloud-member", "--name", name, "-p", "never")
    assert_clean_failure(refused, 6, name, first["image_id"], "--on-conflict")
    assert uploaded(other, name, "--on-conflict", "skip")["ending"] == "skipped"
    assert [found["id"] for found in images_named(name)] == [first["image_id"]]
    second = uploaded(other, name, "--on-conflict", "new")
    assert {found["id"] for found in images_named(name)} == {first["image_id"], second["image_id"]}


def test_a_replaced_image_is_hidden_under_another_name(devcloud, image: Path, other: Path, name: str) -> None:
    first = uploaded(image, name)
    told = uploaded(other, name, "--replace")
    assert (told["ending"], told["replaced"]) == ("replaced", [first["image_id"]])
    (found,) = images_named(name)
    assert (found["id"], found["os_hidden"]) == (told["image_id"], False)
    text = imgtool("upload", image, "--cloud", "devcloud-member", "--name", name, "--replace").stdout
    former = f"{name} (replaced {told['image_id'][:8]})"
    assert f"{told['image_id']} (now hidden as {former})" in text
    (hidden,) = images_named(former)
    assert (hidden["id"], hidden["os_hidden"]) == (told["image_id"], True)


def test_nothing_is_noted_any_more_once_all_is_done(devcloud, image: Path, name: str, state: Path) -> None:
    uploaded(image, name)
    assert list(state.iterdir()) == []


def test_two_clouds_get_it_in_one_run(devcloud, image: Path, name: str) -> None:
    both = ["--cloud", "devcloud/RegionOne", "--cloud", "devcloud-member", "--name", name]
    run = imgtool("upload", image, *both, "--output", "json")
    assert run.returncode == 0, run.stderr
    ids = [one["image_id"] for one in json.loads(run.stdout)["uploads"]]
    assert len(set(ids)) == 2
    found = images_named(name, "devcloud")  # an administrator sees those of all projects
    assert {one["id"] for one in found} == set(ids)
    assert len({one["owner"] for one in found}) == 2


@pytest.mark.parametrize("output", ["text", "json"])
def test_one_of_two_clouds_that_fails_is_told_and_the_other_gets_it(
    output: str, devcloud, image: Path, other: Path, name: str
) -> None:
    uploaded(image, name)
    both = ["--cloud", "devcloud-member", "--cloud", "devcloud", "--name", name, "--output", output]
    run = imgtool("upload", other, *both)
    assert run.returncode == 6
    assert "1 of 2 clouds" in run.stderr
    assert sha512(other) in run.stdout
    if output == "json":
        told = json.loads(run.stdout)
        assert told["uploads"][0]["error"]["code"] == "cloud-failed"
        assert told["uploads"][1]["status"] == "active"


def test_without_derived_properties_only_those_given_are_there(
    devcloud, debian_image: Path, name: str
) -> None:
    run = imgtool(
        "prepare",
        debian_image,
        "--cloud",
        "devcloud-member",
        "--name",
        name,
        "--no-derive",
        "--property",
        "a=b",
    )
    assert run.returncode == 0, run.stderr
    (found,) = images_named(name)
    assert found["a"] == "b"
    assert not [key for key in found if key.startswith(("imgtool_", "hw_", "os_distro"))]


def test_prepared_images_tell_where_they_came_from(devcloud, debian_image: Path, name: str) -> None:
    run = imgtool("prepare", debian_image, "--cloud", "devcloud-member", "--name", name)
    assert run.returncode == 0, run.stderr
    (found,) = images_named(name)
    with debian_image.open("rb") as file:
        assert found["imgtool_source_sha256"] == hashlib.file_digest(file, "sha256").hexdigest()
    assert found["imgtool_version"]
    assert found["imgtool_policy"] == "openstack"


@pytest.mark.parametrize("command", ["prepare", "upload"])
def test_the_hash_by_chunks_is_noted_in_place_of_the_whole_file_s(
    command: str, devcloud, debian_image: Path, name: str
) -> None:
    options = ["--cloud", "devcloud-member", "--name", name, "--source-hash", "sha256-chunks"]
    run = imgtool(command, debian_image, *options)
    assert run.returncode == 0, run.stderr
    (found,) = images_named(name)
    assert found["imgtool_source_sha256_chunks"] == hash_of_file(debian_image, SHA256_CHUNKS)
    assert "imgtool_source_sha256" not in found


@pytest.mark.parametrize("options", [["-O", "raw"], ["-O", "qcow2"], ["-c"]], ids=["raw", "qcow2", "zlib"])
def test_what_is_kept_is_what_was_sent(
    options: list[str], devcloud, debian_image: Path, tmp_path: Path, name: str
) -> None:
    kept = tmp_path / "kept"
    arguments = ["--cloud", "devcloud-member", "--name", name, "--keep", str(kept), *options]
    run = imgtool("prepare", debian_image, *arguments)
    assert run.returncode == 0, run.stderr
    (found,) = images_named(name)
    assert found["os_hash_value"] == sha512(kept)
    again = imgtool("prepare", debian_image, *arguments)
    assert_clean_failure(again, 2, "already exists")


def test_a_dry_run_tells_what_would_be_asked_and_asks_nothing(
    devcloud, debian_image: Path, name: str, state: Path
) -> None:
    arguments = ["--cloud", "devcloud-member", "--name", name, "--store", "slow", "--dry-run"]
    run = imgtool("prepare", debian_image, *arguments)
    assert run.returncode == 0, run.stderr
    for words in (
        "streamed as qcow2",
        "no temporary file",
        "slow",
        "direct: ",
        "hw_disk_bus=virtio",
        "virtio_blk",
    ):
        assert words in run.stdout
    assert images_named(name) == []
    assert not state.exists()
