"""Loop devices of files, read-only, detached afterwards. Needs root, as the whole suite does in CI."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def loop_device() -> Iterator[Callable[[Path], Path]]:
    devices: list[str] = []

    def attach(path: Path) -> Path:
        done = subprocess.run(
            ["losetup", "--find", "--show", "--read-only", path], check=True, capture_output=True, text=True
        )
        devices.append(done.stdout.strip())
        return Path(devices[-1])

    yield attach
    for device in devices:
        subprocess.run(["losetup", "--detach", device], check=True)
