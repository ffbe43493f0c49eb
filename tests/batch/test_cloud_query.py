"""A look into the clouds: what is there, what is not, and a cloud that does not answer."""

import json
from pathlib import Path

import pytest
from support.cli import imgtool
from support.cloud import Devcloud
from support.fixtures import fixture_path

from imgtool.batch.cloud_query import CloudQuery, look
from imgtool.model.delivery import CloudName
from imgtool.util import codec
from imgtool.util.progress import NullProgress

MEMBER = CloudName("devcloud-member")


def test_it_survives_its_way_as_json(tmp_path: Path) -> None:
    query = CloudQuery((MEMBER, CloudName(None, "R")), tmp_path, {"devcloud-member": ("a", "b"), "/R": ()})
    assert codec.from_json(codec.to_json(query), CloudQuery) == query


def test_what_is_active_is_there_and_nothing_else(devcloud: Devcloud, tmp_path: Path) -> None:
    name = f"query {tmp_path}"
    run = imgtool(
        "upload", fixture_path("ext4-gpt"), "--cloud", "devcloud-member", "--name", name, "--output", "json"
    )
    assert run.returncode == 0, run.stderr
    image_id = json.loads(run.stdout)["uploads"][0]["image_id"]
    wanted = {"devcloud-member": (image_id, "00000000-0000-4000-8000-000000000000")}
    found = look(CloudQuery((MEMBER,), tmp_path, wanted), NullProgress())
    assert found == {"devcloud-member": [image_id]}


def test_a_cloud_that_cannot_be_asked_has_nothing_and_the_others_are_asked(
    devcloud: Devcloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(cloud: dict[str, object]) -> None:
        if cloud["auth"]["username"] != "admin":  # type: ignore[index]  # JSON
            cloud["auth"]["auth_url"] = "http://127.0.0.1:9/v3"  # type: ignore[index]  # JSON

    changed = devcloud.changed(tmp_path / "clouds.yaml", away)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(changed.clouds_yaml))
    query = CloudQuery((MEMBER, CloudName("devcloud")), tmp_path, {"devcloud-member": ("x",)})
    assert look(query, NullProgress()) == {"devcloud-member": [], "devcloud": []}
