"""scripts/build-container: the image that it makes runs as docs/command-line.md says, and reaches a cloud."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cloud import Devcloud
from support.documentation import CHECKOUT
from support.fixtures import fixture_path
from support.glance_client import forget

from imgtool import __version__

BUILD = CHECKOUT / "scripts/build-container"
TAG = "localhost/imgtool:test"
HERE = ["--runtime=runc", "--ulimit=nofile=1024:1024", "--ulimit=nproc=4096:4096", "--network=host"]
"""What a machine needs that has cgroups of version 1, and no right to raise limits."""
CONFINED = ["--read-only", "--cap-drop=all", "--security-opt=no-new-privileges"]


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Podman's storage, of plain folders, of this module's own."""
    place = tmp_path_factory.mktemp("containers")
    configuration = place / "storage.conf"
    configuration.write_text(
        f'[storage]\ndriver = "vfs"\nrunroot = "{place}/run"\ngraphroot = "{place}/all"\n'
    )
    environment = {**os.environ, "CONTAINERS_STORAGE_CONF": str(configuration)}
    yield environment
    subprocess.run(["podman", "rmi", "--force", "--all"], env=environment, capture_output=True, check=False)
    shutil.rmtree(place)


@pytest.fixture(scope="module")
def archive(storage: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image is made, and this is the file that it was saved to."""
    saved = tmp_path_factory.mktemp("saved") / "imgtool.tar"
    done = subprocess.run(
        [BUILD, "--tag", TAG, "--save", saved], env=storage, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"ready: {TAG}" in done.stderr
    return saved


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder with an image that everybody can read."""
    folder = tmp_path / "images"
    folder.mkdir()
    subprocess.run(["cp", "--sparse=always", fixture_path("ext4-gpt"), folder / "golden.raw"], check=True)
    (folder / "golden.raw").chmod(0o644)
    return folder


def podman(storage: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["podman", *arguments], env=storage, capture_output=True, text=True, check=False)


def assert_is_what_it_says(archive: Path, storage: dict[str, str]) -> None:
    shown = podman(
        storage, "image", "inspect", TAG, "--format",
        "{{.Config.User}} {{.Config.Entrypoint}} {{.Config.Labels}}",
    ).stdout  # fmt: skip
    assert "10001:10001 [/usr/local/bin/imgtool]" in shown
    assert f"org.opencontainers.image.version:{__version__}" in shown
    size = podman(storage, "image", "inspect", TAG, "--format", "{{.Size}}").stdout
    assert int(size) < 400e6
    listed = subprocess.run(["tar", "tf", archive], capture_output=True, text=True, check=True).stdout
    assert "oci-layout" in listed


def assert_judges_without_any_right(storage: dict[str, str], images: Path) -> None:
    mount = ["-v", f"{images}:/images:ro"]
    done = podman(storage, "run", "--rm", *HERE, *CONFINED, *mount, TAG, "check", "golden.raw")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert done.stdout.splitlines()[-1].startswith("PASS  ")


def assert_reaches_a_cloud(storage: dict[str, str], images: Path, tmp_path: Path) -> None:
    clouds = tmp_path / "openstack"
    clouds.mkdir()
    shutil.copy(os.environ["OS_CLIENT_CONFIG_FILE"], clouds / "clouds.yaml")
    (clouds / "clouds.yaml").chmod(0o644)
    mounts = ["-v", f"{images}:/images:ro", "-v", f"{clouds}:/etc/openstack:ro"]
    command = ["prepare", "golden.raw", "--cloud", "devcloud", "--name", "contained-debian"]
    try:
        done = podman(storage, "run", "--rm", *HERE, *CONFINED, *mounts, TAG, *command)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "active" in done.stdout
    finally:
        forget("contained-")


@pytest.mark.series(0)
def test_the_image_that_is_made(
    archive: Path, storage: dict[str, str], images: Path, devcloud: Devcloud, tmp_path: Path
) -> None:
    """One test, as an image is made once for each process of the tests that needs it, and takes a minute."""
    assert_is_what_it_says(archive, storage)
    assert_judges_without_any_right(storage, images)
    assert_reaches_a_cloud(storage, images, tmp_path)


@pytest.mark.parametrize(("option", "status"), [("--nonsense", 2), ("--help", 0)])
def test_its_options(option: str, status: int) -> None:
    assert subprocess.run([BUILD, option], capture_output=True, check=False).returncode == status


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    for program in Path("/usr/bin").iterdir():
        if program.name != "podman":
            (tmp_path / program.name).symlink_to(program)
    done = subprocess.run(
        [BUILD], env={**os.environ, "PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 4
    assert "podman is missing: apt install podman" in done.stderr
    wheel = subprocess.run([BUILD, "--wheel", "none.whl"], capture_output=True, text=True, check=False)
    assert (wheel.returncode, "none.whl" in wheel.stderr) == (2, True)
