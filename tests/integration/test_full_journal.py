"""The disk on which uploads are noted is full: that is said, and what has begun is taken back."""

import errno
import os
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from support.cli import assert_clean_failure, imgtool
from support.mishaps import Mishaps, mishaps, small_disk
from support.odd_cloud import OddCloud

__all__ = ["mishaps"]

PAGE_BYTES = 4096


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "disk.raw"
    path.write_bytes(bytes(4096) + os.urandom(4096))
    return path


def upload(cloud: OddCloud, image: Path, state: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Into a small Glance."""
    clouds = cloud.clouds_yaml(image.with_name("clouds.yaml"))
    variables = {"OS_CLIENT_CONFIG_FILE": str(clouds), "XDG_STATE_HOME": str(state)}
    return imgtool("upload", image, "--cloud", "odd", "--name", "x", "-p", "never", env=variables | env)


def test_a_full_disk(image: Path, tmp_path: Path) -> None:
    """There is no room for the first page."""
    with OddCloud() as cloud, small_disk(tmp_path / "state", 16 * PAGE_BYTES) as state:
        folder = state / "imgtool" / "uploads"
        folder.mkdir(parents=True, mode=0o700)
        fill(state / "full")
        run = upload(cloud, image, state)
        assert_clean_failure(run, 2, str(folder), "No space left on device", "free space there")
        assert list(folder.iterdir()) == []
        assert cloud.image == {}


def fill(path: Path) -> None:
    """All of the file system that it is in."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(PAGE_BYTES))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_each_sync_that_fails(at: int, number: int, image: Path, mishaps: Mishaps, tmp_path: Path) -> None:
    """The first page, its folder, and the line that says that the bytes are there."""
    with OddCloud() as cloud:
        env = mishaps.failing("fsync", "imgtool/uploads", at, number)
        run = upload(cloud, image, tmp_path / "state", **env)
        assert_clean_failure(run, 2, "imgtool/uploads", os.strerror(number), "XDG_STATE_HOME")
        assert list((tmp_path / "state/imgtool/uploads").iterdir()) == []
        assert cloud.image == {}
        assert ("PUT /v2/images/ID/file" in cloud.asked) == (at == 3)
