"""A devcloud, and what its Glance says of an image. By urllib: no client is its own judge."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

DEVCLOUD = Path(__file__).resolve().parents[2] / "devcloud"
CLOUD = "devcloud"
"""Its administrator's name in clouds.yaml."""
STORE = "fast"
"""Its default store: a folder with a file for each image, named by the image's id."""
ANSWER_SECONDS = 120


class CloudFailedError(Exception):
    """The devcloud cannot be had, or does not answer as it should."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """A devcloud that answers."""

    folder: Path

    @property
    def clouds_yaml(self) -> Path:
        """What clients find it by."""
        return self.folder / "clouds.yaml"

    def stored(self, image_id: str) -> Path:
        """The file in which Glance keeps the bytes of an image."""
        return self.folder / STORE / image_id

    def named(self, name: str) -> list[dict[str, Any]]:
        """All images of that name. Raises OSError, CloudFailedError."""
        glance, token = self._sign_in()
        found = _ask(f"{glance}/v2/images?{urlencode({'name': name})}", token=token)
        return list(found["images"])

    def delete(self, image_id: str) -> None:
        """Delete an image. Raises OSError."""
        glance, token = self._sign_in()
        _ask(f"{glance}/v2/images/{image_id}", "DELETE", token=token)

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


@contextmanager
def devcloud(folder: Path) -> Iterator[Cloud]:
    """One below `folder`, gone at the end; it ends by itself where this process is killed."""
    arguments = ["--dir", str(folder), "--owner", str(os.getpid())]
    _devcloud("start", *arguments)
    try:
        yield Cloud(folder)
    finally:
        _devcloud("stop", *arguments[:2])


def _devcloud(*arguments: str) -> None:
    command = [sys.executable, str(DEVCLOUD), *arguments]
    if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode:
        raise CloudFailedError(f"scripts/devcloud {arguments[0]} failed, see above")


def environment(cloud: Cloud, temporary: Path, state: Path) -> Mapping[str, str]:
    """Ours without its OS_*, for no cloud in earnest is to be reached; with folders of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    ours = {"OS_CLIENT_CONFIG_FILE": cloud.clouds_yaml, "TMPDIR": temporary, "XDG_STATE_HOME": state}
    return kept | {name: str(value) for name, value in ours.items()}
