"""`imgtool doctor --cloud`, and what the preflight refuses, against a real Keystone and Glance."""

import json
from pathlib import Path

import pytest
from support.cli import imgtool
from support.cloud import Devcloud
from support.images import create

from imgtool.errors import CloudError
from imgtool.formats.gate import admit
from imgtool.glance import connect, plan_upload, preflight
from imgtool.model.delivery import CloudName, GlanceTarget, UploadPlan


def plan(tmp_path: Path, **wanted: object) -> UploadPlan:
    image = admit(create(tmp_path / "disk.qcow2"))
    chosen = GlanceTarget("preflight", **wanted)  # type: ignore[arg-type]  # by name, as the test says
    return plan_upload(image, cloud=CloudName("devcloud"), wanted=chosen, properties=())


def test_it_shows_what_the_cloud_has(devcloud: Devcloud) -> None:
    run = imgtool("doctor", "--cloud", "devcloud-member", "--output", "json")
    assert run.returncode == 0, run.stderr
    items = {one["name"].partition(": ")[2]: one for one in json.loads(run.stdout)["items"]}
    assert "accepted, for project" in items["authentication"]["detail"]
    assert "API v2" in items["image endpoint"]["detail"]
    assert items["stores"]["detail"] == "fast (default), slow"
    assert "has seen no import" in items["import plugins"]["detail"]
    administrator = imgtool("doctor", "--cloud", "devcloud").stdout
    assert "fast (default, file), slow (file)" in administrator
    assert "fast (default, file), slow (file)" in imgtool("doctor", "--cloud", "devcloud-member").stdout
    assert "glance-direct" in items["import methods"]["detail"]
    assert "valid for" in items["token"]["detail"]


def test_it_shows_several_and_the_one_that_cannot_be_used(devcloud: Devcloud) -> None:
    run = imgtool("doctor", "--cloud", "devcloud", "--cloud", "no-such-cloud")
    assert run.returncode == 6
    assert "no clouds.yaml names a cloud" in run.stdout
    assert "devcloud: stores" in run.stdout
    assert not any(secret in run.stdout + run.stderr for secret in devcloud.secrets)


def test_a_store_that_is_not_there(devcloud: Devcloud, tmp_path: Path) -> None:
    with pytest.raises(CloudError, match="no store nowhere") as caught:
        preflight.check(plan(tmp_path, stores=("fast", "nowhere")), connect("devcloud"), 1)
    assert caught.value.hint == "it has: fast, slow"


@pytest.mark.parametrize("wanted", [{"visibility": "public"}, {"owner": "0" * 32}], ids=str)
def test_a_permission_that_a_member_has_not(
    wanted: dict[str, object], devcloud: Devcloud, tmp_path: Path
) -> None:
    member = connect("devcloud-member")
    with pytest.raises(CloudError, match="HTTP 403"):
        preflight.check(plan(tmp_path, **wanted), member, 1)


@pytest.mark.parametrize("wanted", [{"visibility": "public"}, {"visibility": "community"}, {}], ids=str)
def test_what_may_be_is_not_left_behind(
    wanted: dict[str, object], devcloud: Devcloud, tmp_path: Path
) -> None:
    cloud = connect("devcloud")
    preflight.check(plan(tmp_path, **wanted), cloud, 1)
    for hidden in ("false", "true"):
        answer = cloud.request("GET", "/v2/images", params={"limit": "1000", "os_hidden": hidden})
        assert not [one for one in answer.document["images"] if one["name"].startswith("imgtool: may")]
