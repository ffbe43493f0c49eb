"""A pytest plugin's worth of fixtures: uploads that go to the real Glance through the fault proxy.

`faulty` runs imgtool, and judges what is in Glance afterwards: exactly one image, active, with the right hash
and under the right name; or nothing that the run made, in whatever status, hidden or not.
"""

import hashlib
import os
import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openstack
import pytest
from support.cloud import Devcloud
from support.fault_proxy import FaultProxy
from support.faults.model import Route
from support.images import convert
from support.in_process import imgtool_here

from imgtool.glance import attempts, retry, rollback, sending

CLOUD = "devcloud-member"
PAUSES_SECONDS = (0.05, 0.05, 0.05)
"""Between attempts: a fault passes at once here."""
DELETE_SECONDS = 10.0
"""Glance has to end what it is at before it lets an image go."""
COMING_SECONDS = 2.0
LOST_SECONDS = 3.0
KIB = 1 << 10


@dataclass
class FaultyCloud:
    """One cloud, seen by imgtool through `proxy`, and by the test directly."""

    proxy: FaultProxy
    cloud: Devcloud
    name: str
    image: Path
    journal: Path
    direct: Any = field(repr=False)
    converts: bool = False
    """It makes a raw image of each import."""
    """Of openstacksdk: another client than ours."""

    def upload(self, *options: str, timeout: float = 30) -> subprocess.CompletedProcess[str]:
        """`imgtool upload` of the image."""
        command = ["upload", self.image, "--cloud", CLOUD, "--name", self.name, "--timeout", str(timeout)]
        run = imgtool_here(*command, *options)
        self.proxy.settle()
        return run

    @property
    def content(self) -> bytes:
        """What is to arrive."""
        return self.image.read_bytes()

    def ours(self) -> list[dict[str, Any]]:
        """All that is of this name, or was made through the proxy, as Glance shows it now."""
        found: dict[str, dict[str, Any]] = {}
        for hidden in ("false", "true"):
            query = {"name": self.name, "os_hidden": hidden}
            listed = self.direct.image.get("/images", params=query).json()["images"]
            found |= {one["id"]: one for one in listed}
        for image_id in self.proxy.image_ids:
            answer = self.direct.image.get(f"/images/{image_id}")
            assert answer.status_code in {200, 404}, answer
            if answer.status_code == 200:
                found[image_id] = answer.json()
        return list(found.values())

    def judge(self, run: subprocess.CompletedProcess[str], *others: str) -> None:
        """The rule, to which there is no exception; `others` are images that are not to be touched."""
        shown = told(run, self.proxy)
        assert run.returncode in {0, 5, 6}, shown
        assert "Traceback" not in run.stderr
        ours = [one for one in self.ours() if one["id"] not in others]
        if run.returncode == 0:
            assert [self._as_meant(one) for one in ours] == [True], shown
        else:
            assert (ours, run.stdout) == ([], ""), shown
            assert "imgtool: error: " in run.stderr, shown
        assert list(self.journal.glob("*.json")) == [], shown
        self._nothing_was_sent_twice()

    def _as_meant(self, image: dict[str, Any]) -> bool:
        kept = self.image.with_suffix(".raw") if self.converts else self.image
        content = kept.read_bytes()
        assert (image["name"], image["status"], image["os_hidden"]) == (self.name, "active", False)
        assert image["os_hash_value"] == hashlib.sha512(content).hexdigest()
        return bool(image["size"] == len(content) and image["disk_format"] == kept.suffix[1:])

    def _nothing_was_sent_twice(self) -> None:
        """A body goes to each image once, whole or its beginning, with both of its lengths."""
        content = self.content
        sent = (*self.proxy.of(Route.DATA), *self.proxy.of(Route.STAGE))
        assert len({one.target for one in sent}) == len(sent), [one.target for one in sent]
        for one in sent:
            assert one.header("content-length") == str(len(content))
            assert one.header("x-openstack-image-size") == str(len(content))
            assert one.sha512 == hashlib.sha512(content[: one.received_bytes]).hexdigest()

    def clean(self) -> None:
        """The cloud is shared: take away what the test made."""
        for image in self.ours():
            if image["protected"]:
                self.direct.image.update_image(image["id"], is_protected=False)
            self.direct.image.delete(f"/images/{image['id']}")


def told(run: subprocess.CompletedProcess[str], proxy: FaultProxy) -> str:
    """What a failing test shows, the requests too."""
    lines = [f"{one.method} {one.target} {one.told_status} (Glance {one.glance_status}) {one.received_bytes}"
             f" -> {one.forwarded_bytes} {one.fault or ''}" for one in proxy.seen]  # fmt: skip
    return "\n".join([f"exit {run.returncode}", run.stdout, run.stderr, *lines])


def make_image(folder: Path, form: str, seed: object) -> Path:
    """A few hundred KiB that no other image has, on a disk of 1 MiB."""
    rng = random.Random(f"{seed} {os.getpid()} {folder}")
    raw = folder / "disk.raw"
    raw.write_bytes(bytes(64 * KIB) + rng.randbytes(192 * KIB) + bytes(768 * KIB))
    if form == "raw":
        raw.write_bytes(raw.read_bytes()[: 320 * KIB])
        return raw
    return convert(raw, folder / "disk.qcow2", "raw", "qcow2")


@pytest.fixture(scope="session")
def direct(devcloud_running: Devcloud) -> Any:
    """An administrator without a proxy in between."""
    return directly(devcloud_running)


def directly(cloud: Devcloud) -> Any:
    """The administrator of `cloud`, by openstacksdk."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("OS_")]:
            patch.delenv(name)
        patch.setenv("OS_CLIENT_CONFIG_FILE", str(cloud.clouds_yaml))
        return openstack.connect(cloud="devcloud")


@pytest.fixture
def converts() -> bool:
    """Whether Glance does; a module with a cloud of its own says so by a fixture of this name."""
    return False


@pytest.fixture
def faulty(
    devcloud: Devcloud,
    direct: Any,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[FaultyCloud]:
    """`form` of the test's parameters says what is uploaded; raw without it."""
    form = getattr(request.node, "callspec", None)
    form = form.params.get("form", "raw") if form is not None else "raw"
    monkeypatch.setattr(attempts, "PAUSES_SECONDS", PAUSES_SECONDS)
    monkeypatch.setattr(retry, "PAUSES_SECONDS", PAUSES_SECONDS)
    monkeypatch.setattr(rollback, "DELETE_SECONDS", DELETE_SECONDS)
    monkeypatch.setattr(rollback, "COMING_SECONDS", COMING_SECONDS)
    monkeypatch.setattr(sending, "LOST_SECONDS", LOST_SECONDS)
    journal = Path(os.environ["XDG_STATE_HOME"], "imgtool", "uploads")
    converts: bool = request.getfixturevalue("converts")
    name = f"faulty {os.getpid()} {tmp_path.parent.name} {tmp_path.name}"
    with FaultProxy(direct.image.get_endpoint().removesuffix("/v2")) as proxy:
        devcloud.changed(
            tmp_path / "clouds.yaml", lambda cloud: cloud.update(image_endpoint_override=proxy.url)
        )
        monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
        running = FaultyCloud(
            proxy, devcloud, name, make_image(tmp_path, form, name), journal, direct, converts
        )
        yield running
        running.clean()
