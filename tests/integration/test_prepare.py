"""The main job on real input: a Debian image from a file into a real Glance, or nothing at all."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.cli import imgtool
from support.images import create_unsafe


def prepare(image: Path, name: str, *options: str) -> subprocess.CompletedProcess[str]:
    return imgtool("prepare", image, "--cloud", "devcloud-member", "--name", name, *options)


def images(name: str) -> list[dict[str, Any]]:
    """What Glance itself says, asked by another client than ours."""
    code = (
        "import json, openstack, sys; "
        "cloud = openstack.connect(cloud='devcloud-member'); "
        "found = [image.to_dict() for image in cloud.image.images(name=sys.argv[1])]; "
        "print(json.dumps([{**image, 'location': None} for image in found], default=str))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, name],
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[dict[str, Any]] = json.loads(run.stdout)
    return found


@pytest.mark.parametrize(
    ("options", "disk_format"),
    [((), "qcow2"), (("-O", "raw"), "raw"), (("-c",), "qcow2"), (("-c", "zstd"), "qcow2")],
    ids=["qcow2", "raw", "zlib", "zstd"],
)
def test_a_good_image_becomes_active_and_is_what_was_sent(
    options: tuple[str, ...], disk_format: str, devcloud, debian_image: Path, name: str
) -> None:
    run = prepare(debian_image, name, *options, "--output", "json")
    assert run.returncode == 0, run.stderr
    for stage in ("cloud", "inspect", "check", "convert", "upload", "done"):
        assert f"\n{stage} " in f"\n{run.stderr}"
    story = json.loads(run.stdout)
    (found,) = images(name)
    assert found["status"] == "active"
    assert found["disk_format"] == disk_format
    assert found["hash_value"] == story["upload"]["os_hash_value"]
    assert found["hash_algo"] == "sha512"
    assert found["hw_disk_bus"] == "virtio"
    assert found["hw_qemu_guest_agent"] == "yes"
    assert found["os_distro"] == "debian"
    assert found["min_disk"] == 2
    if disk_format == "raw":
        assert found["hash_value"] == hashlib.sha512(debian_image.read_bytes()).hexdigest()


SPOILED = [
    ("debian_agent_masked", "/etc/systemd/system/qemu-guest-agent.service"),
    ("debian_initramfs_without_virtio", "/boot/initrd.img-"),
    ("debian_host_keys", "/etc/ssh/ssh_host_"),
]


@pytest.mark.parametrize(("fixture", "evidence"), SPOILED)
def test_a_spoiled_image_is_refused_and_nothing_is_created(
    fixture: str, evidence: str, devcloud, request: pytest.FixtureRequest
) -> None:
    run = prepare(request.getfixturevalue(fixture), fixture)
    assert run.returncode == 1
    assert "FAIL" in run.stdout
    assert f"{evidence}" in run.stdout
    assert "fix   " in run.stdout
    assert images(fixture) == []


def test_properties_can_be_added_and_overridden(devcloud, debian_image: Path, name: str) -> None:
    options = ["--property", "hw_disk_bus=scsi", "--property", "team=images", "--property", "os_admin_user="]
    run = prepare(debian_image, name, *options)
    assert run.returncode == 0, run.stderr
    (found,) = images(name)
    assert found["hw_disk_bus"] == "scsi"
    assert found["properties"]["team"] == "images"
    assert found["properties"].get("os_admin_user") is None


def test_a_dry_run_creates_nothing(devcloud, debian_image: Path, name: str) -> None:
    run = prepare(debian_image, name, "--dry-run", "--output", "json")
    assert run.returncode == 0
    story = json.loads(run.stdout)
    assert story["upload"]["properties"]["hw_qemu_guest_agent"] == "yes"
    assert story["upload"]["property_reasons"]["hw_qemu_guest_agent"]
    assert "image_id" not in story["upload"]
    assert images(name) == []


def test_a_name_that_is_taken_is_found_out_before_any_conversion(
    devcloud, debian_image: Path, name: str
) -> None:
    assert prepare(debian_image, name, "-c").returncode == 0
    again = prepare(debian_image, name, "-O", "raw")
    assert again.returncode == 6
    assert not again.stdout
    assert name in again.stderr
    assert "--on-conflict" in again.stderr
    assert "convert " not in again.stderr
    assert len(images(name)) == 1


def test_the_same_image_prepared_again_is_already_there(devcloud, debian_image: Path, name: str) -> None:
    first = prepare(debian_image, name, "-c", "--output", "json")
    again = prepare(debian_image, name, "-c", "--output", "json")
    assert again.returncode == 0, again.stderr
    told = json.loads(again.stdout)["upload"]
    assert told["ending"] == "already-there"
    assert told["image_id"] == json.loads(first.stdout)["upload"]["image_id"]
    assert len(images(name)) == 1


def test_unsafe_images_never_reach_the_cloud(devcloud, tmp_path: Path) -> None:
    backing = tmp_path / "backing.qcow2"
    create_unsafe(backing)
    run = prepare(backing, "unsafe")
    assert run.returncode == 3
    assert "backing file" in run.stderr
    assert images("unsafe") == []


def test_upload_sends_a_finished_image_as_it_is(
    devcloud, debian_image: Path, name: str, tmp_path: Path
) -> None:
    finished = tmp_path / "finished.qcow2"
    assert imgtool("convert", "-c", debian_image, finished).returncode == 0
    options = ["--cloud", "devcloud", "--name", name, "--output", "json"]
    run = imgtool("upload", finished, *options)
    assert run.returncode == 0, run.stderr
    sent = hashlib.sha512(finished.read_bytes()).hexdigest()
    assert json.loads(run.stdout)["os_hash_value"] == sent


def test_an_unreachable_cloud_and_a_wrong_password_are_named(
    devcloud, debian_image: Path, tmp_path: Path
) -> None:
    wrong = {
        "OS_AUTH_URL": "http://127.0.0.1:9/v3",
        "OS_USERNAME": "nobody-in-particular",
        "OS_PASSWORD": "a-wrong-password",
        "OS_PROJECT_NAME": "none",
        "OS_USER_DOMAIN_ID": "default",
        "OS_PROJECT_DOMAIN_ID": "default",
    }
    elsewhere = {**wrong, "OS_CLIENT_CONFIG_FILE": str(tmp_path / "none.yaml")}
    unreachable = imgtool("upload", debian_image, env=elsewhere)
    assert unreachable.returncode == 6
    assert "Traceback" not in unreachable.stderr
    assert "127.0.0.1:9" in unreachable.stderr
    real = devcloud.document["clouds"]["devcloud"]["auth"]["auth_url"]
    refused = imgtool("upload", debian_image, env={**elsewhere, "OS_AUTH_URL": real})
    assert refused.returncode == 6
    assert "Traceback" not in refused.stderr
    assert "a-wrong-password" not in refused.stdout + refused.stderr
