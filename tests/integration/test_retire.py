"""Old versions go from a real Glance; what tells of servers and volumes is in a real Keystone's catalogue."""

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cli import imgtool
from support.cloud import Devcloud, cloud_with
from support.other_services import OtherServices, other_services
from support.versions import (
    CLOUD,
    STEPS,
    Step,
    forget,
    killed,
    make,
    notes,
    run,
    run_of_another_name,
    there,
)

from imgtool.convert.payload import open_payload
from imgtool.errors import CloudError
from imgtool.formats.gate import admit
from imgtool.glance import Cloud, Journal, connect, execute, images, plan_upload, provenance, retire
from imgtool.glance.names import former_name
from imgtool.model.delivery import CloudName, GlanceTarget, UploadResult
from imgtool.model.retirement import Retirement, RetirementRequest
from imgtool.util.progress import NullProgress

TRIES = int(os.environ.get("IMGTOOL_RETIRE_TRIES", "1"))
"""Kills at each step."""
KEEP = 3


@pytest.fixture(scope="module")
def own_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devcloud]:
    """Its catalogue is changed."""
    with cloud_with("", tmp_path_factory.mktemp("retire")) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def services(own_cloud: Devcloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OtherServices]:
    with pytest.MonkeyPatch.context() as patch:
        own_cloud.enter(patch, tmp_path_factory.mktemp("state"))
        with other_services() as services:
            yield services


@pytest.fixture
def cloud(
    own_cloud: Devcloud, services: OtherServices, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Cloud:
    own_cloud.enter(monkeypatch, tmp_path)
    for one in (services.servers, services.volumes, services.forbidden, services.broken, services.asked):
        one.clear()
    return connect(CLOUD)


@pytest.fixture
def name(cloud: Cloud) -> Iterator[str]:
    name = f"debian {uuid.uuid4().hex[:8]}"
    yield name
    forget(cloud, name)


class Twelve:
    """Twelve versions, five of which are needed though they are old, and two images that are none."""

    def __init__(self, cloud: Cloud, name: str, services: OtherServices) -> None:
        self.cloud, self.name = cloud, name
        ids = [make(cloud, name) for _ in range(9)] + [make(cloud, name, current=True) for _ in range(3)]
        self.snapshot, self.foreign = "", make(cloud, name, ours=False)
        found = there(cloud, name).values()
        records = sorted(found, key=lambda one: (one["created_at"], one["id"]))
        by_age = [one["id"] for one in records if one["id"] in ids]
        named = [one["id"] for one in records if one["name"] == name]
        self.current = named[-1]
        ranked = [self.current, *(one for one in reversed(by_age) if one != self.current)]
        self.kept, old = ranked[:KEEP], ranked[KEEP:]
        self.served, self.on_volume, self.base, self.protected, *self.unneeded = old
        services.servers["a server"] = self.served
        services.volumes |= {"v1": "", "v2": "another image", "v3": self.on_volume, "v4": ""}
        self.snapshot = make(cloud, name, current=True, base_image_ref=self.base, image_type="snapshot")
        images.patch(cloud, self.protected, {"protected": True})
        self.stay = {
            *self.kept, self.served, self.on_volume, self.base, self.protected, self.snapshot, self.foreign,
        }  # fmt: skip

    def is_done(self) -> bool:
        """Nothing is gone that had to stay, and nothing is there that had to go."""
        found = there(self.cloud, self.name)
        shown = {one["id"] for one in found.values() if not one["os_hidden"]}
        return set(found) == self.stay and shown == {self.current, self.snapshot}


@pytest.fixture
def twelve(cloud: Cloud, name: str, services: OtherServices) -> Twelve:
    return Twelve(cloud, name, services)


def retired(cloud: Cloud, name: str, tmp_path: Path, keep: int = KEEP, **how: bool) -> Retirement:
    journal = Journal(tmp_path / "uploads")
    return retire(RetirementRequest(name, keep), cloud, journal, NullProgress(), **how)


def fates(done: Retirement) -> dict[str, str]:
    return {one.image_id: one.fate for one in done.versions}


def test_of_twelve_versions_three_stay_and_those_that_are_needed(twelve: Twelve, tmp_path: Path) -> None:
    done = retired(twelve.cloud, twelve.name, tmp_path)
    found = fates(done)
    assert [found[one] for one in twelve.kept] == ["current", "kept", "kept"]
    assert {found[one] for one in twelve.unneeded} == {"deleted"}
    assert [found[one] for one in (twelve.served, twelve.on_volume, twelve.base)] == ["needed"] * 3
    assert (found[twelve.protected], found[twelve.foreign]) == ("protected", "foreign")
    reasons = {one.image_id: one.reason for one in done.versions}
    assert reasons[twelve.served] == "server a server was started from it"
    assert reasons[twelve.on_volume] == "volume v3 was made from it"
    assert reasons[twelve.base] == f"image {twelve.snapshot} was made from it"
    assert done.notes == ()
    assert twelve.is_done()
    assert notes(tmp_path / "uploads") == []
    again = retired(twelve.cloud, twelve.name, tmp_path)
    assert "deleted" not in fates(again).values()
    assert not any(one.hides for one in again.versions)


def test_a_dry_run_says_the_same_and_does_nothing(twelve: Twelve, tmp_path: Path) -> None:
    before = there(twelve.cloud, twelve.name)
    foreseen = retired(twelve.cloud, twelve.name, tmp_path, dry_run=True)
    assert there(twelve.cloud, twelve.name) == before
    assert not (tmp_path / "uploads").exists()
    assert foreseen.versions == retired(twelve.cloud, twelve.name, tmp_path).versions


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_a_killed_run_is_finished_by_the_next(
    cloud: Cloud, services: OtherServices, tmp_path: Path, step: Step
) -> None:
    for number in range(TRIES):
        name, folder = f"killed {uuid.uuid4().hex[:8]}", tmp_path / f"uploads{number}"
        twelve = Twelve(cloud, name, services)
        assert killed(step, lambda: run(name, KEEP, folder)) == -9  # noqa: B023 - it is called at once
        assert twelve.stay <= set(there(cloud, name))
        noted = notes(folder) if folder.exists() else []
        if number % 2 == 0 and noted:
            run_of_another_name(cloud, folder)
        else:
            run(name, KEEP, folder)
        assert twelve.is_done(), (number, step)
        assert notes(folder) == []
        forget(cloud, name)


def test_what_got_its_name_back_after_the_kill_stays(twelve: Twelve, tmp_path: Path) -> None:
    folder = tmp_path / "uploads"
    step = Step("images.delete", "before")
    assert killed(step, lambda: run(twelve.name, KEEP, folder)) == -9
    (note,) = notes(folder)
    # Of one second's images any may be the newest; one that the note hides would be set aside once more.
    back = next(one for one in reversed(note["deletes"]) if one not in note["hides"])
    images.patch(twelve.cloud, back, {"name": twelve.name, "os_hidden": False})
    run_of_another_name(twelve.cloud, folder)
    found = there(twelve.cloud, twelve.name)
    assert back in found
    assert not found[back]["os_hidden"]


def test_nothing_goes_when_the_newest_is_gone_after_the_kill(twelve: Twelve, tmp_path: Path) -> None:
    folder = tmp_path / "uploads"
    assert killed(Step("removal.set_aside", "before"), lambda: run(twelve.name, KEEP, folder)) == -9
    images.delete(twelve.cloud, twelve.current)
    before = there(twelve.cloud, twelve.name)
    run_of_another_name(twelve.cloud, folder)
    assert there(twelve.cloud, twelve.name) == before
    assert notes(folder) == []


def test_a_service_that_fails_keeps_what_it_may_need(
    twelve: Twelve, services: OtherServices, tmp_path: Path
) -> None:
    services.broken.add("compute")
    done = retired(twelve.cloud, twelve.name, tmp_path)
    assert {fates(done)[one] for one in twelve.unneeded} == {"unknown"}
    assert "Unexpected API Error" in next(one.reason for one in done.versions if one.fate == "unknown")
    assert set(twelve.unneeded) <= set(there(twelve.cloud, twelve.name))


def test_what_may_not_be_asked_is_said(twelve: Twelve, services: OtherServices, tmp_path: Path) -> None:
    services.forbidden |= {"volume", "all_tenants"}
    done = retired(twelve.cloud, twelve.name, tmp_path)
    assert [note.partition(":")[0] for note in done.notes] == [
        "servers of this project only were asked about",
        "the block-storage service may not be asked (HTTP 403)",
    ]
    found = fates(done)
    assert (found[twelve.served], found[twelve.on_volume]) == ("needed", "deleted")


def test_a_catalogue_without_these_services(
    devcloud_running: Devcloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    devcloud_running.enter(monkeypatch, tmp_path)
    cloud, name = connect("devcloud-member"), f"bare {uuid.uuid4().hex[:8]}"
    old, new = make(cloud, name), make(cloud, name, current=True)
    done = retired(cloud, name, tmp_path, keep=1)
    assert fates(done) == {new: "current", old: "deleted"}
    assert done.notes == (
        "no compute service in the catalogue: servers were not asked about",
        "no block-storage service in the catalogue: volumes were not asked about",
        "images of other projects were not asked about, unless this project sees them",
    )
    forget(cloud, name)


def test_an_image_that_imgtool_did_not_make_goes_by_its_id(twelve: Twelve, tmp_path: Path) -> None:
    images.patch(twelve.cloud, twelve.foreign, {"os_hidden": False})
    done = retired(twelve.cloud, twelve.foreign, tmp_path, keep=1)
    assert done.name == twelve.name
    assert fates(done)[twelve.foreign] == "deleted"
    assert twelve.foreign not in there(twelve.cloud, twelve.name)


def test_a_name_that_nothing_has_is_an_error(cloud: Cloud, name: str, tmp_path: Path) -> None:
    with pytest.raises(CloudError, match="has no image named"):
        retired(cloud, name, tmp_path)
    make(cloud, name, current=True, ours=False)
    with pytest.raises(CloudError, match="imgtool made no finished image"):
        retired(cloud, name, tmp_path)


def test_the_command(twelve: Twelve, tmp_path: Path) -> None:
    asked = ["retire", twelve.name, "--cloud", CLOUD, "--keep", "3"]
    foreseen = imgtool(*asked, "--dry-run")
    assert (foreseen.returncode, foreseen.stdout.count("deleted ")) == (0, len(twelve.unneeded))
    assert "server a server was started from it" in foreseen.stdout
    done = imgtool(*asked, "--output", "json")
    assert done.returncode == 0, done.stderr
    (entry,) = json.loads(done.stdout)["retired"]
    assert {one["image_id"] for one in entry["versions"] if one["fate"] == "deleted"} == set(twelve.unneeded)
    assert twelve.is_done()


def test_the_command_s_errors(twelve: Twelve, services: OtherServices) -> None:
    missing = imgtool(
        "retire", "no such name", twelve.name, "--cloud", CLOUD, "--keep", "3", "--output", "json"
    )
    document = json.loads(missing.stdout)
    assert missing.returncode == 6
    assert [("error" in one) for one in document["retired"]] == [True, False]
    assert document["error"]["code"] == "cloud-failed"
    alone = imgtool("retire", "no such name", "--cloud", CLOUD, "--keep", "3")
    assert (alone.returncode, alone.stdout) == (6, "")
    assert imgtool("retire", twelve.name, "--cloud", CLOUD).returncode == 2
    assert imgtool("retire", twelve.name, "--cloud", CLOUD, "--keep", "0").returncode == 2
    services.broken.add("volume")
    broken = imgtool("retire", twelve.name, "--cloud", CLOUD, "--keep", "1")
    assert broken.returncode == 6
    assert "old versions are still there" in broken.stderr


Upload = Callable[..., UploadResult]


@pytest.fixture
def upload(cloud: Cloud, name: str, tmp_path: Path) -> Upload:
    """Upload a disk of that number in the usual way."""

    def upload(number: int, folder: Path = tmp_path / "uploads", **wanted: Any) -> UploadResult:
        path = tmp_path / f"{number}.raw"
        path.write_bytes(bytes([number]) * 4096 + bytes(1 << 20))
        image = admit(path, "raw")
        target = GlanceTarget(name, **{"on_conflict": "replace", "keep_last": 2, **wanted})
        plan = plan_upload(image, cloud=CloudName(CLOUD), wanted=target, properties=provenance(None))
        with open_payload(image, "raw", NullProgress()) as payload:
            return execute(plan, payload, connect(CLOUD), Journal(folder), NullProgress())

    return upload


def one_a_second(*uploads: Callable[[], UploadResult]) -> list[UploadResult]:
    """Glance's created_at has whole seconds."""
    done = []
    for one in uploads:
        time.sleep(1.1)
        done.append(one())
    return done


def test_each_upload_retires_what_is_older(
    upload: Upload, cloud: Cloud, name: str, services: OtherServices
) -> None:
    first, second, third = one_a_second(lambda: upload(1), lambda: upload(2), lambda: upload(3))
    assert set(there(cloud, name)) == {second.image_id, third.image_id}
    assert third.retired is not None
    assert {one.image_id: one.fate for one in third.retired.versions}[first.image_id] == "deleted"
    services.servers["running"] = second.image_id
    fourth, fifth = one_a_second(lambda: upload(4), lambda: upload(5))
    assert fifth.retired is not None
    assert set(there(cloud, name)) == {second.image_id, fourth.image_id, fifth.image_id}
    services.servers.clear()
    again = upload(5)
    assert (again.ending, again.image_id) == ("already-there", fifth.image_id)
    assert set(there(cloud, name)) == {fourth.image_id, fifth.image_id}


def test_an_older_image_that_is_already_there_hides_no_newer_one(
    upload: Upload, cloud: Cloud, name: str
) -> None:
    old = upload(1, keep_last=None)
    time.sleep(1.1)  # created_at has whole seconds
    new = upload(2, on_conflict="new", keep_last=None)
    again = upload(1, on_conflict="replace", keep_last=1)
    assert (again.ending, again.image_id, again.retired) == ("already-there", old.image_id, None)
    assert f"not retired: {new.image_id} has the name too" in " ".join(again.notes)
    assert not any(one["os_hidden"] for one in there(cloud, name).values())


UPLOAD_STEPS = (
    Step("retention.decided", "after"),
    Step("finalize.take_name", "before"),
    Step("finalize.take_name", "after"),
    Step("removal.retire", "before"),
    Step("images.delete", "before"),
    Step("images.delete", "after"),
    Step("removal.retire", "after"),
)


@pytest.mark.parametrize("step", UPLOAD_STEPS, ids=str)
def test_a_killed_upload_retires_by_the_next_run(
    upload: Upload, name: str, services: OtherServices, tmp_path: Path, step: Step
) -> None:
    cloud = connect(CLOUD)
    for number in range(TRIES):
        folder = tmp_path / f"killed{number}"
        old, needed = make(cloud, name), make(cloud, name)
        services.servers = {"running": needed}
        time.sleep(1.1)  # created_at has whole seconds
        current = make(cloud, name, current=True)
        assert killed(step, lambda: upload(7, folder)) == -9  # noqa: B023 - it is called at once
        assert {needed, current} <= set(there(cloud, name))
        run_of_another_name(cloud, folder)
        result = upload(7, folder)
        found = there(cloud, name)
        assert set(found) == {needed, current, result.image_id}, (step, number)
        assert old not in found
        assert found[current]["name"] == former_name(name, current)
        assert notes(folder) == []
        forget(cloud, name)
