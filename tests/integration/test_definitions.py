"""What a cloud says of properties: required ones, and its metadata definitions, in a real Glance."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cli import imgtool
from support.cloud import Devcloud, cloud_with
from support.images import create

from imgtool.errors import CloudError
from imgtool.formats.gate import admit
from imgtool.glance import Cloud, connect, definitions, images, plan_upload
from imgtool.model.delivery import CloudName, GlanceTarget, Property

NAMESPACE = {
    "namespace": "imgtool-tests",
    "visibility": "public",
    "resource_type_associations": [{"name": "OS::Glance::Image", "prefix": "rack_"}],
    "properties": {
        "tier": {"title": "tier", "type": "string", "enum": ["gold", "silver"]},
        "owner_team": {"title": "team", "type": "string"},
    },
}


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    return create(tmp_path / "disk.qcow2", "qcow2", "8M")


@pytest.fixture
def defined(devcloud: Devcloud) -> Iterator[Cloud]:
    """The cloud with definitions of properties that no other test knows."""
    admin = connect("devcloud")
    images.require(admin.request("POST", "/v2/metadefs/namespaces", json=NAMESPACE), "a namespace")
    yield connect("devcloud-member")
    images.require(admin.request("DELETE", "/v2/metadefs/namespaces/imgtool-tests"), "to delete it")


def uploading(disk: Path, *options: str, cloud: str = "devcloud-member") -> tuple[int, str, str]:
    run = imgtool("upload", disk, "--cloud", cloud, "--name", "defined", "--no-derive", *options)
    return run.returncode, run.stdout, run.stderr


def test_metadata_definitions(defined: Cloud, disk: Path) -> None:
    found = definitions.definitions(defined)
    assert found["rack_tier"]["enum"] == ["gold", "silver"]
    status, _, errors = uploading(disk, "--property", "rack_tier=goold")
    assert status == 2
    assert "devcloud-member: its definition of rack_tier does not have the value 'goold'" in errors
    assert "did you mean gold? it has gold, silver; --insist sets it all the same" in errors
    status, _, errors = uploading(disk, "--property", "rack_teir=gold")
    assert status == 2
    assert "did you mean rack_tier?" in errors
    assert images.named(defined, "defined") == ()
    status, shown, errors = uploading(
        disk, "--property", "rack_tier=gold", "--property", "rack_owner_team=anybody", "--property", "mine=x"
    )
    assert (status, "rack_tier=gold" in shown) == (0, True), errors
    assert uploading(disk, "--property", "rack_tier=tin", "--insist", "--on-conflict", "new")[0] == 0
    for one in images.named(defined, "defined"):
        images.delete(defined, one.id)


def test_properties_of_novas_are_judged_by_nova(defined: Cloud, disk: Path) -> None:
    plan = plan_upload(
        admit(disk, "qcow2"),
        cloud=CloudName("c"),
        wanted=GlanceTarget("x"),
        properties=(Property("hw_disk_bus", "virtio", definitions.GIVEN), Property("rack_tier", "x", "seen")),
    )
    definitions.refuse_odd(plan, defined)


@pytest.fixture(scope="module")
def demanding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devcloud]:
    with cloud_with("required", tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


def test_required_properties(
    demanding: Devcloud, disk: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    demanding.enter(monkeypatch, tmp_path)
    run = imgtool("upload", disk, "--cloud", "devcloud", "--name", "defined", "--output", "json")
    assert run.returncode == 6
    assert json.loads(run.stdout)["error"] == {
        "code": "cloud-failed",
        "message": "devcloud requires image properties that are missing: devcloud_tier",
        "hint": "give each with --property, as in --property devcloud_tier=VALUE",
    }
    status, _, errors = uploading(disk, "--property", "devcloud_tier=bronze", cloud="devcloud")
    assert status == 6
    assert "does not have the value 'bronze'" in errors
    assert "it has gold, silver" in errors
    status, _, errors = uploading(disk, "--property", "devcloud_tier=gold", cloud="devcloud")
    assert status == 0, errors


def test_what_glance_itself_says_of_a_missing_one(
    demanding: Devcloud, disk: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    demanding.enter(monkeypatch, tmp_path)
    cloud = connect("devcloud")
    plan = plan_upload(admit(disk, "qcow2"), cloud=CloudName("c"), wanted=GlanceTarget("x"), properties=())
    with pytest.raises(CloudError, match="'devcloud_tier' is a required property"):
        images.create(cloud, "00000000-0000-4000-8000-000000000000", plan, name="x", hidden=False)
