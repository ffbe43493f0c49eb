"""A pytest plugin: the fixture `devcloud`, a real Keystone and Glance for the whole run.

Loaded by `pytest_plugins` in tests/conftest.py. The first test that asks starts it, whichever worker of
xdist it runs in; the others find it by a file lock. It ends with the session, and also if pytest is killed:
the process that the workers report to is its owner.
"""

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from support.glance_client import forget

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "devcloud"

_FOLDER = pytest.StashKey[Path]()
_OWNER = pytest.StashKey[int]()


@dataclass(frozen=True)
class Devcloud:
    """A cloud that answers."""

    clouds_yaml: Path

    @property
    def document(self) -> dict[str, Any]:
        """What clouds.yaml says."""
        loaded: dict[str, Any] = json.loads(self.clouds_yaml.read_text())
        return loaded

    @property
    def secrets(self) -> list[str]:
        """What must never be shown."""
        signing_in = [cloud["auth"] for cloud in self.document["clouds"].values()]
        return [one["password"] for one in signing_in if "password" in one]

    def enter(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        """Let its clouds be the ones that are found, and unfinished uploads be noted below `folder`."""
        for name in [name for name in os.environ if name.startswith("OS_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(self.clouds_yaml))
        monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))

    def changed(self, target: Path, change: Callable[[dict[str, Any]], None]) -> "Devcloud":
        """The same cloud by another clouds.yaml, in which `change` was made to each of its clouds."""
        document = self.document
        for cloud in document["clouds"].values():
            change(cloud)
        target.write_text(json.dumps(document))
        return replace(self, clouds_yaml=target)


def devcloud_command(*arguments: str | Path) -> list[str]:
    """The command line of scripts/devcloud."""
    return [str(SCRIPT), *map(str, arguments)]


@contextmanager
def cloud_with(
    parts: str, folder: Path, *, patience_seconds: float = 600, **environment: str
) -> Iterator[Devcloud]:
    """A cloud of the test's own, below `folder`, with what `devcloud --with` switches on.

    `environment` is what differs from ours for its services.
    """
    cloud = folder / "cloud"
    options = ["--dir", cloud, "--owner", str(os.getpid()), *(["--with", parts] if parts else [])]
    command = devcloud_command("start", *options)
    subprocess.run(
        command, env=os.environ | environment, check=True, timeout=patience_seconds, stdout=subprocess.DEVNULL
    )
    try:
        yield Devcloud(cloud / "clouds.yaml")
    finally:
        subprocess.run(devcloud_command("stop", "--dir", cloud), check=True, timeout=60)


def pytest_configure(config: pytest.Config) -> None:
    """Names the folder of this run's cloud; a worker of xdist is told it."""
    worker = getattr(config, "workerinput", None)
    if worker is None:
        config.stash[_FOLDER] = Path(tempfile.mkdtemp(prefix="imgtool-tests-devcloud-"))
        config.stash[_OWNER] = os.getpid()
    else:
        config.stash[_FOLDER] = Path(worker["devcloud_folder"])
        config.stash[_OWNER] = worker["devcloud_owner"]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tells a worker of xdist what the others are told."""
    node.workerinput["devcloud_folder"] = str(node.config.stash[_FOLDER])
    node.workerinput["devcloud_owner"] = node.config.stash[_OWNER]


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stops it, before support.tidiness looks for what was left behind."""
    if not hasattr(session.config, "workerinput"):
        _end(session.config.stash[_FOLDER])


def pytest_unconfigure(config: pytest.Config) -> None:
    """For a run that never became a session: bad arguments, --help."""
    if not hasattr(config, "workerinput") and _FOLDER in config.stash:
        _end(config.stash[_FOLDER])


def _end(folder: Path) -> None:
    if (folder / "cloud").exists():
        subprocess.run(devcloud_command("stop", "--dir", folder / "cloud"), check=True, timeout=60)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def devcloud_running(pytestconfig: pytest.Config) -> Devcloud:
    """The cloud of this run, without pointing the test to it."""
    folder = pytestconfig.stash[_FOLDER]
    cloud = folder / "cloud"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (cloud / "clouds.yaml").exists():
            owner = str(pytestconfig.stash[_OWNER])
            command = devcloud_command("start", "--dir", cloud, "--owner", owner)
            subprocess.run(command, check=True, timeout=600, stdout=subprocess.DEVNULL)
    return Devcloud(cloud / "clouds.yaml")


@pytest.fixture
def devcloud(devcloud_running: Devcloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Devcloud:
    """The cloud of this run: its two clouds `devcloud` and `devcloud-member` are the ones that are found.

    Unfinished uploads are noted in a folder of the test's own.
    """
    devcloud_running.enter(monkeypatch, tmp_path)
    return devcloud_running


@pytest.fixture
def name(request: pytest.FixtureRequest, devcloud: Devcloud, tmp_path: Path) -> Iterator[str]:
    """Of this test's image only: the cloud is shared.

    A Debian image is deleted after the test: as raw it takes 2 GiB of the cloud's disk.
    """
    chosen = f"{request.node.name[:100]} {tmp_path.parent.name} {os.getpid()}"
    yield chosen
    if "debian_image" in request.fixturenames:
        forget(chosen)
