"""Quotas of a project: a Glance that asks Keystone for limits."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cli import imgtool
from support.cloud import Devcloud, devcloud_command
from support.images import create, qemu_io

LIMITS = {"image_size_total": 3, "image_stage_total": 1, "image_count_total": 2, "image_count_uploading": 5}
"""Sizes in MiB."""

_REGISTER = """
import openstack, sys
cloud = openstack.connect(cloud="devcloud")
service = next(one for one in cloud.identity.services() if one.type == "image")
for limit in sys.argv[1:]:
    name, _, value = limit.partition("=")
    cloud.identity.create_registered_limit(
        service_id=service.id, region_id="RegionOne", resource_name=name, default_limit=int(value)
    )
"""


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devcloud]:
    folder = tmp_path_factory.mktemp("limited") / "cloud"
    options = ["--dir", folder, "--owner", str(os.getpid()), "--limits"]
    subprocess.run(devcloud_command("start", *options), check=True, stdout=subprocess.DEVNULL, timeout=600)
    cloud = Devcloud(folder / "clouds.yaml")
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _REGISTER, *(f"{name}={LIMITS[name]}" for name in LIMITS)],
        check=True,
        env={**os.environ, "OS_CLIENT_CONFIG_FILE": str(cloud.clouds_yaml)},
    )
    yield cloud
    subprocess.run(devcloud_command("stop", "--dir", folder), check=True, stdout=subprocess.DEVNULL)


@pytest.fixture
def here(limited: Devcloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Devcloud:
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(limited.clouds_yaml))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return limited


def disk(path: Path, mib: int) -> Path:
    create(path, "raw", f"{mib}M")
    qemu_io(path, [f"write -P {mib} 0 64k"], "raw")
    return path


def upload(path: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return imgtool("upload", path, "--cloud", "devcloud-member", "-p", "never", *options)


def test_doctor_shows_them(here: Devcloud) -> None:
    run = imgtool("doctor", "--cloud", "devcloud-member")
    assert run.returncode == 0, run.stderr
    assert "0 of 3 MiB used" in run.stdout
    assert "image_count_total" in run.stdout


def test_what_has_no_room_is_refused_before_a_byte_is_sent(here: Devcloud, tmp_path: Path) -> None:
    run = upload(disk(tmp_path / "large.raw", 4))
    assert run.returncode == 6
    assert "quota image_size_total leaves 3 of 3, and this image needs 4" in run.stderr


def test_what_is_staged_has_a_quota_of_its_own(here: Devcloud, tmp_path: Path) -> None:
    run = upload(disk(tmp_path / "staged.raw", 2), "--method", "import")
    assert run.returncode == 6
    assert "image_stage_total" in run.stderr


def test_as_many_as_the_quota_allows(here: Devcloud, tmp_path: Path) -> None:
    for number in range(LIMITS["image_count_total"]):
        assert upload(disk(tmp_path / f"{number}.raw", 1), "--name", f"{number}").returncode == 0
    run = upload(disk(tmp_path / "more.raw", 1))
    assert run.returncode == 6
    assert "image_count_total leaves 0 of 2" in run.stderr
