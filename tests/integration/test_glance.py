"""Uploads into a real Glance, as an administrator and as an ordinary member."""

import hashlib
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from support.cloud import Devcloud, devcloud_command
from support.images import convert, create, qemu_io

from imgtool import glance
from imgtool.convert.payload import open_payload
from imgtool.errors import CloudError, ImageUnreadableError, InterruptedByUserError
from imgtool.formats.gate import admit
from imgtool.glance import Cloud, Journal, connect, execute, images, plan_upload
from imgtool.glance import cloud as cloud_module
from imgtool.model.delivery import CloudName, GlanceTarget, Property, UploadPlan, UploadResult
from imgtool.model.image import DiskImage
from imgtool.util.progress import Meter, NullProgress, Progress

CLOUDS = ["devcloud", "devcloud-member"]
MIB = 1 << 20


class OnFirstBytes(NullProgress):
    """Does `action` when the first bytes are on their way."""

    def __init__(self, action: Callable[[], None]) -> None:
        self._action: Callable[[], None] | None = action
        self.sent_bytes = 0

    @contextmanager
    def meter(self, label: str, total_bytes: int | None) -> Iterator[Meter]:
        yield self

    def advance(self, amount_bytes: int) -> None:
        self.sent_bytes += amount_bytes
        action, self._action = self._action, None
        if action is not None:
            action()


@pytest.fixture
def qcow2(tmp_path: Path) -> DiskImage:
    path = create(tmp_path / "disk.qcow2", "qcow2", "24M")
    qemu_io(path, ["write -P 7 1M 2M", "write -P 9 20M 1M"])
    return admit(path)


@pytest.fixture
def raw(qcow2: DiskImage, tmp_path: Path) -> DiskImage:
    return admit(convert(qcow2.path, tmp_path / "disk.raw", "qcow2", "raw"))


@pytest.fixture
def name(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of this test only: the cloud is shared."""
    return f"{request.node.name[:100]} {tmp_path.parent.name} {os.getpid()}"


@pytest.fixture
def admin(devcloud: Devcloud) -> Cloud:
    return connect("devcloud")


def plan(image: DiskImage, name: str, properties: Sequence[Property] = (), **wanted: Any) -> UploadPlan:
    cloud = CloudName("devcloud")
    return plan_upload(image, cloud=cloud, wanted=GlanceTarget(name, **wanted), properties=properties)


def upload_image(plan: UploadPlan, cloud: Cloud, progress: Progress) -> UploadResult:
    """As the command does it; what is noted meanwhile goes with the test's folder."""
    journal = Journal(plan.image.path.parent / "uploads")
    with open_payload(plan.image, plan.disk_format, progress) as payload:
        return execute(plan, payload, cloud, journal, progress)


def stored(admin: Cloud, name: str) -> list[dict[str, Any]]:
    """All images of that name, of whatever status and project."""
    answer = admin.request("GET", "/v2/images", params={"limit": "1000"})
    return [found for found in answer.document["images"] if found["name"] == name]


def told(error: BaseException) -> str:
    """All that a traceback of it could show."""
    hint = getattr(error, "hint", "")
    return hint + "".join(traceback.format_exception(error))


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize("form", ["raw", "qcow2"])
def test_what_arrives_is_what_was_sent(
    cloud: str, form: str, name: str, admin: Cloud, request: pytest.FixtureRequest
) -> None:
    image: DiskImage = request.getfixturevalue(form)
    content = image.path.read_bytes()
    properties = (Property("hw_disk_bus", "virtio", "seen"), Property("os_distro", "debian", "seen"))
    progress = OnFirstBytes(lambda: None)
    there = connect(cloud)
    result = upload_image(plan(image, name, properties=properties), there, progress)
    assert isinstance(result, UploadResult)
    assert (result.status, result.size_bytes, result.plan.cloud) == ("active", len(content), cloud)
    assert (result.hash_algorithm, result.hash_value) == ("sha512", hashlib.sha512(content).hexdigest())
    assert progress.sent_bytes == len(content)
    (found,) = stored(admin, name)
    assert found["id"] == result.image_id
    assert (found["disk_format"], found["container_format"], found["min_disk"]) == (form, "bare", 1)
    assert (found["hw_disk_bus"], found["os_distro"]) == ("virtio", "debian")
    assert (found["visibility"], found["owner"]) == ("private", there.project_id)


def test_an_administrator_may_publish(name: str, qcow2: DiskImage, admin: Cloud) -> None:
    upload_image(plan(qcow2, name, visibility="public"), admin, NullProgress())
    assert stored(admin, name)[0]["visibility"] == "public"


@pytest.mark.parametrize("odd", ["in:a,b", 'say "yes"', "ça va?", "a&b=c#d"])
def test_a_second_image_of_a_name_is_refused(
    odd: str, qcow2: DiskImage, raw: DiskImage, admin: Cloud
) -> None:
    odd += str(os.getpid())
    upload_image(plan(qcow2, odd), admin, NullProgress())
    with pytest.raises(CloudError, match="has an image named"):
        upload_image(plan(raw, odd), admin, NullProgress())
    assert len(stored(admin, odd)) == 1


def test_another_projects_image_is_no_conflict(name: str, qcow2: DiskImage, admin: Cloud) -> None:
    upload_image(plan(qcow2, name, visibility="public"), admin, NullProgress())
    upload_image(plan(qcow2, name), connect("devcloud-member"), NullProgress())
    assert len(stored(admin, name)) == 2


def test_a_member_may_not_publish(name: str, qcow2: DiskImage, admin: Cloud) -> None:
    with pytest.raises(CloudError, match=r"create the image.*HTTP 403.*publicize_image") as caught:
        upload_image(plan(qcow2, name, visibility="public"), connect("devcloud-member"), NullProgress())
    assert "<" not in caught.value.message
    assert stored(admin, name) == []


def test_a_false_claim_is_refused_and_leaves_nothing(name: str, raw: DiskImage, admin: Cloud) -> None:
    false, journal = replace(plan(raw, name), disk_format="qcow2"), Journal(raw.path.parent / "uploads")
    with (
        open_payload(raw, "raw", NullProgress()) as payload,
        pytest.raises(CloudError, match=r"HTTP 415.*does not match") as caught,
    ):
        execute(false, payload, admin, journal, NullProgress())
    assert "<" not in caught.value.message
    assert stored(admin, name) == []


def test_an_interruption_leaves_nothing(name: str, raw: DiskImage, admin: Cloud) -> None:
    def interrupt() -> None:
        assert stored(admin, name)[0]["status"] in {"queued", "saving"}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upload_image(plan(raw, name), connect("devcloud-member"), OnFirstBytes(interrupt))
    assert stored(admin, name) == []


def test_an_image_that_changes_meanwhile_is_not_delivered(name: str, raw: DiskImage, admin: Cloud) -> None:
    def change() -> None:
        with raw.path.open("r+b") as file:
            file.write(b"\x11" * 512)

    with pytest.raises(ImageUnreadableError, match="changed"):
        upload_image(plan(raw, name), admin, OnFirstBytes(change))
    assert stored(admin, name) == []


def test_an_image_that_somebody_deletes_meanwhile(name: str, raw: DiskImage, admin: Cloud) -> None:
    def delete() -> None:
        wait_for(lambda: stored(admin, name)[0]["status"] == "saving", 30)
        answer = admin.request("DELETE", f"/v2/images/{stored(admin, name)[0]['id']}")
        assert answer.ok, answer

    with pytest.raises(CloudError):
        upload_image(plan(raw, name), connect("devcloud-member"), OnFirstBytes(delete))
    assert stored(admin, name) == []


def test_what_cannot_be_deleted_is_named(
    name: str, raw: DiskImage, admin: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgtool.glance.rollback.DELETE_SECONDS", 0)
    monkeypatch.setattr(Cloud, "request", refusing_to_delete(Cloud.request))
    with pytest.raises(InterruptedByUserError) as caught:
        upload_image(plan(raw, name), admin, OnFirstBytes(interrupted))
    (left,) = stored(admin, name)
    assert left["status"] != "active"
    assert f"openstack --os-cloud devcloud image delete {left['id']}" in caught.value.message
    assert "HTTP 403" in caught.value.message


def interrupted() -> None:
    raise KeyboardInterrupt


def refusing_to_delete(ask: Callable[..., Any]) -> Callable[..., Any]:
    """Makes the image a protected one from its beginning: Glance itself then refuses to delete it."""

    def request(self: Cloud, method: str, path: str, **options: Any) -> Any:
        if method == "POST":
            options["json"] = {**options["json"], "protected": True}
        return ask(self, method, path, **options)

    return request


def test_a_rejected_token_does_not_send_twice(
    name: str, raw: DiskImage, admin: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = connect("devcloud-member")
    monkeypatch.setattr(Cloud, "_ensure_fresh_token", spoil_token)
    progress = OnFirstBytes(lambda: None)
    with pytest.raises(CloudError, match=r"401|broke off"):
        upload_image(plan(raw, name), member, progress)
    assert progress.sent_bytes <= raw.file_size_bytes
    assert stored(admin, name) == []


def spoil_token(cloud: Cloud) -> None:
    """Gives the session a token that Glance rejects, as one that has just expired."""
    auth = cloud._session.auth
    assert auth is not None
    auth.get_access(cloud._session)._auth_token = "expired"  # type: ignore[attr-defined]  # noqa: S105 - none


def test_a_token_near_its_end_is_replaced_before_the_bytes_go(
    name: str, raw: DiskImage, admin: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = admin._session.get_token()
    monkeypatch.setattr(cloud_module, "FRESH_SECONDS", 10**6)
    assert upload_image(plan(raw, name), admin, NullProgress()).status == "active"
    assert admin._session.get_token() != before


PROGRAM = """
import sys
from pathlib import Path
from imgtool import glance
from imgtool.convert.payload import open_payload
from imgtool.formats.gate import admit
from imgtool.model.delivery import CloudName, GlanceTarget
from imgtool.util.progress import NullProgress
image = admit(Path(sys.argv[1]))
plan = glance.plan_upload(image, cloud=CloudName("devcloud"), wanted=GlanceTarget(sys.argv[2]), properties=())
with open_payload(image, "raw", NullProgress()) as payload:
    journal = glance.Journal(Path(sys.argv[3]))
    glance.execute(plan, payload, glance.connect("devcloud"), journal, NullProgress())
"""


def test_a_killed_upload_leaves_no_active_image(name: str, tmp_path: Path, admin: Cloud) -> None:
    image = create(tmp_path / "large.raw", "raw", "4G")
    with subprocess.Popen([sys.executable, "-c", PROGRAM, image, name, tmp_path / "uploads"]) as process:
        wait_for(lambda: any(found["status"] == "saving" for found in stored(admin, name)), 60)
        process.send_signal(signal.SIGKILL)
    wait_for(lambda: all(found["status"] != "saving" for found in stored(admin, name)), 30)
    (left,) = stored(admin, name)
    assert left["status"] == "queued"
    glance.finalize.recover(admin, Journal(tmp_path / "uploads"), NullProgress())
    assert stored(admin, name) == []


def test_two_delete_one_image_at_once(admin: Cloud, name: str) -> None:
    """One of ten pairs hears 400 of Glance 33, where the other was a moment earlier."""
    clouds, barrier = (admin, connect("devcloud")), Barrier(2)

    def delete(cloud: Cloud) -> None:
        barrier.wait()
        images.delete(cloud, made)

    with ThreadPoolExecutor(2) as threads:
        for _ in range(40):
            made = admin.request("POST", "/v2/images", json={"name": name}).document["id"]
            list(threads.map(delete, clouds))
    assert stored(admin, name) == []


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def small_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devcloud]:
    """Its Glance takes images of up to 1 MiB."""
    folder = tmp_path_factory.mktemp("small") / "cloud"
    options = ["--dir", folder, "--owner", str(os.getpid()), "--image-size-cap", str(MIB)]
    subprocess.run(devcloud_command("start", *options), check=True, stdout=subprocess.DEVNULL, timeout=600)
    yield Devcloud(folder / "clouds.yaml")
    subprocess.run(devcloud_command("stop", "--dir", folder), check=True, timeout=60)


def test_an_image_over_the_limit(
    small_cloud: Devcloud, name: str, raw: DiskImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(small_cloud.clouds_yaml))
    there = connect("devcloud")
    with pytest.raises(CloudError, match=r"HTTP 413|broke off after") as caught:
        upload_image(plan(raw, name), there, NullProgress())
    assert stored(there, name) == []
    assert not any(secret in told(caught.value) for secret in small_cloud.secrets)
