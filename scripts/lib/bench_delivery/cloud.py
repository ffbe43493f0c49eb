"""A devcloud, and what its Glance says of an image. By urllib: no client is its own judge."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from bench_delivery.wire import Wire, counted

DEVCLOUD = Path(__file__).resolve().parents[2] / "devcloud"
CLOUD = "devcloud"
"""Its administrator's name in clouds.yaml."""
STORE = "fast"
"""Its default store: a folder with a file for each image, named by the image's id."""
COUNTED = "counted.yaml"
"""The clouds.yaml by which clients go through the wire."""
ANSWER_SECONDS = 120


class CloudFailedError(Exception):
    """The devcloud cannot be had, or does not answer as it should."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """A devcloud that answers."""

    folder: Path
    wire: Wire | None = None
    """Counts what passes between Glance and clients, where they go through it."""

    @property
    def clouds_yaml(self) -> Path:
        """What clients find it by."""
        return self.folder / (COUNTED if self.wire else "clouds.yaml")

    @contextmanager
    def stored(self, image_id: str) -> Iterator[Path]:
        """The file in which Glance keeps the bytes of an image."""
        yield self.folder / STORE / image_id

    def named(self, name: str) -> list[dict[str, Any]]:
        """All images of that name. Raises OSError, CloudFailedError."""
        glance, token = self._sign_in()
        found = _ask(f"{glance}/v2/images?{urlencode({'name': name})}", token=token)
        return list(found["images"])

    def delete(self, image_id: str) -> None:
        """Delete an image. Raises OSError."""
        glance, token = self._sign_in()
        _ask(f"{glance}/v2/images/{image_id}", "DELETE", token=token)

    def address(self) -> str:
        """Glance's own, without a wire. Raises OSError, CloudFailedError."""
        return self._sign_in()[0]

    def _sign_in(self) -> tuple[str, str]:
        """Glance's address and a token."""
        auth = json.loads(self.clouds_yaml.read_text(encoding="utf-8"))["clouds"][CLOUD]["auth"]
        user = {"name": auth["username"], "password": auth["password"], "domain": {"id": "default"}}
        project = {"name": auth["project_name"], "domain": {"id": "default"}}
        identity = {"methods": ["password"], "password": {"user": user}}
        wanted = {"auth": {"identity": identity, "scope": {"project": project}}}
        request = _request(f"{auth['auth_url']}/auth/tokens", "POST", wanted)
        with urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - http, on loopback
            services = json.load(answer)["token"]["catalog"]
            token = str(answer.headers["X-Subject-Token"])
        addresses = [entry["endpoints"][0]["url"] for entry in services if entry["type"] == "image"]
        if not addresses:
            raise CloudFailedError("Keystone's catalogue has no Glance")
        return str(addresses[0]).rstrip("/"), token


def _request(url: str, method: str, content: object = None, **headers: str) -> Request:
    data = None if content is None else json.dumps(content).encode()
    headers = {"Content-Type": "application/json", **headers}
    return Request(url, data=data, method=method, headers=headers)  # noqa: S310 - http, on loopback


def _ask(url: str, method: str = "GET", *, token: str) -> dict[str, Any]:
    request = _request(url, method, **{"X-Auth-Token": token})
    with urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - http, on loopback
        content = answer.read()
    return dict(json.loads(content)) if content else {}


class CephCloud(Cloud):
    """One whose images are in Ceph, as clones begin."""

    @contextmanager
    def stored(self, image_id: str) -> Iterator[Path]:
        """What a server would find on a disk that is cloned from the image, as a file for the time being."""
        clone = f"images/clone-of-{image_id}"
        with tempfile.TemporaryDirectory(dir=self.folder) as exported:
            file = Path(exported) / "clone"
            self._rbd("clone", f"images/{image_id}@snap", clone)
            try:
                self._rbd("export", clone, str(file))
            finally:
                self._rbd("rm", clone)
            yield file

    def _rbd(self, *arguments: str) -> None:
        command = ["rbd", "--conf", str(self.folder / "ceph/ceph.conf"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CloudFailedError(f"rbd {arguments[0]} failed: {done.stderr.strip()}")


@contextmanager
def devcloud(folder: Path, megabits: int | None = None) -> Iterator[Cloud]:
    """One below `folder`, gone at the end; it ends by itself where this process is killed.

    Behind a wire of that speed, or without one.
    """
    with _running(folder):
        if megabits is None:
            yield Cloud(folder)
            return
        with _wired(folder, megabits) as wire:
            yield Cloud(folder, wire)


@contextmanager
def ceph_devcloud(folder: Path, megabits: int | None = None) -> Iterator[Cloud]:
    """One that converts imports to raw and keeps images in Ceph, on a wire that is counted."""
    with (
        _running(folder, "--with", "conversion,ceph", "--default-store", "rbd"),
        _wired(folder, megabits) as wire,
    ):
        yield CephCloud(folder, wire)


def _wired(folder: Path, megabits: int | None) -> AbstractContextManager[Wire]:
    return counted(folder / "clouds.yaml", Cloud(folder).address(), folder / COUNTED, megabits)


@contextmanager
def _running(folder: Path, *options: str) -> Iterator[None]:
    arguments = ["--dir", str(folder)]
    _devcloud("start", *arguments, "--owner", str(os.getpid()), *options)
    try:
        yield
    finally:
        _devcloud("stop", *arguments)


def _devcloud(*arguments: str) -> None:
    command = [str(DEVCLOUD), *arguments]
    if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode:
        raise CloudFailedError(f"scripts/devcloud {arguments[0]} failed, see above")


def environment(cloud: Cloud, temporary: Path, state: Path) -> Mapping[str, str]:
    """Ours without its OS_*, for no cloud in earnest is to be reached; with folders of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    ours = {"OS_CLIENT_CONFIG_FILE": cloud.clouds_yaml, "TMPDIR": temporary, "XDG_STATE_HOME": state}
    return kept | {name: str(value) for name, value in ours.items()}
