"""Conflicts, replacement, and what an interrupted run leaves, in a real Glance."""

import hashlib
import os
import threading
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.cloud import Devcloud
from support.images import create, qemu_io
from support.killed_at import killed_at

from imgtool.convert.payload import open_payload
from imgtool.errors import CloudError, VerificationError
from imgtool.formats.gate import admit
from imgtool.glance import (
    Cloud,
    Destination,
    Journal,
    check_each,
    connect,
    execute,
    finalize,
    images,
    plan_upload,
    verify,
)
from imgtool.glance.names import former_name
from imgtool.glance.upload_journal import Entry
from imgtool.model.delivery import CloudName, GlanceTarget, Property, UploadResult
from imgtool.model.image import DiskImage
from imgtool.util.progress import NullProgress

SIZE = 2 << 20


@pytest.fixture
def cloud(devcloud: Devcloud) -> Cloud:
    return connect("devcloud-member")


@pytest.fixture
def journal(devcloud: Devcloud) -> Journal:
    """Of the commands, too."""
    return Journal(Path(os.environ["XDG_STATE_HOME"], "imgtool", "uploads"))


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """Of this test only: the cloud is shared."""
    return f"{request.node.name[:60]} {uuid.uuid4().hex[:8]}"


def raw(path: Path, seed: int) -> DiskImage:
    path.write_bytes(bytes([seed]) * 4096 + bytes(SIZE - 4096))
    return admit(path, "raw")


@pytest.fixture
def old(tmp_path: Path) -> DiskImage:
    return raw(tmp_path / "old.raw", 1)


@pytest.fixture
def new(tmp_path: Path) -> DiskImage:
    return raw(tmp_path / "new.raw", 2)


class Deliver:
    """Uploads as the command does."""

    def __init__(self, cloud: Cloud, journal: Journal, name: str) -> None:
        self.cloud, self.journal, self.name = cloud, journal, name

    def __call__(
        self, image: DiskImage, properties: tuple[Property, ...] = (), **wanted: Any
    ) -> UploadResult:
        plan = plan_upload(
            image, cloud=CloudName("c"), wanted=GlanceTarget(self.name, **wanted), properties=properties
        )
        with open_payload(image, image.format, NullProgress()) as payload:
            return execute(plan, payload, self.cloud, self.journal, NullProgress())

    def there(self) -> dict[str, dict[str, Any]]:
        """All of this test, by id; hidden ones included."""
        found: dict[str, dict[str, Any]] = {}
        for hidden in ("false", "true"):
            query = {"limit": "1000", "os_hidden": hidden}
            answer = self.cloud.request("GET", "/v2/images", params=query)
            found |= {
                one["id"]: one for one in answer.document["images"] if one["name"].startswith(self.name)
            }
        return found

    def journalled(self) -> list[Path]:
        return list(self.journal.folder.glob("*.json"))


@pytest.fixture
def deliver(cloud: Cloud, journal: Journal, name: str) -> Deliver:
    return Deliver(cloud, journal, name)


def sha512(image: DiskImage) -> str:
    return hashlib.sha512(image.path.read_bytes()).hexdigest()


def test_the_same_bytes_and_name_are_already_there(deliver: Deliver, old: DiskImage) -> None:
    first = deliver(old)
    second = deliver(old)
    assert (first.ending, second.ending) == ("uploaded", "already-there")
    assert second.image_id == first.image_id
    assert second.hash_value == sha512(old)
    assert len(deliver.there()) == 1


def test_what_differs_otherwise_is_noted(deliver: Deliver, old: DiskImage) -> None:
    deliver(old, properties=(Property("hw_disk_bus", "scsi", "seen"),))
    second = deliver(old, properties=(Property("hw_disk_bus", "virtio", "seen"),), hidden=True)
    assert any("hw_disk_bus is scsi" in note for note in second.notes)
    assert any("hidden" in note for note in second.notes)


def test_other_bytes_of_the_name_are_refused(deliver: Deliver, old: DiskImage, new: DiskImage) -> None:
    first = deliver(old)
    with pytest.raises(CloudError, match="has an image named") as caught:
        deliver(new)
    assert first.image_id in caught.value.message
    assert "--on-conflict" in caught.value.hint
    assert list(deliver.there()) == [first.image_id]


def test_skip(deliver: Deliver, old: DiskImage, new: DiskImage) -> None:
    first = deliver(old)
    second = deliver(new, on_conflict="skip")
    assert (second.ending, second.image_id, second.hash_value) == ("skipped", first.image_id, sha512(old))
    assert list(deliver.there()) == [first.image_id]


def test_new(deliver: Deliver, old: DiskImage, new: DiskImage) -> None:
    deliver(old)
    deliver(new, on_conflict="new")
    assert sorted(one["os_hash_value"] for one in deliver.there().values()) == sorted(
        [sha512(old), sha512(new)]
    )


def test_replace(deliver: Deliver, old: DiskImage, new: DiskImage, name: str) -> None:
    first = deliver(old)
    second = deliver(new, on_conflict="replace", protected=True)
    there = deliver.there()
    assert (second.ending, second.replaced) == ("replaced", (first.image_id,))
    assert (there[second.image_id]["name"], there[second.image_id]["os_hidden"]) == (name, False)
    assert there[second.image_id]["os_hash_value"] == sha512(new)
    assert there[first.image_id]["name"] == former_name(name, first.image_id)
    assert there[first.image_id]["os_hidden"]
    assert there[first.image_id]["os_hash_value"] == sha512(old)
    assert there[second.image_id]["protected"]
    assert deliver.journalled() == []
    images.patch(deliver.cloud, second.image_id, {"protected": False})


def test_replace_of_nothing_is_an_upload(deliver: Deliver, new: DiskImage) -> None:
    assert deliver(new, on_conflict="replace").ending == "uploaded"


def test_replace_by_the_same_bytes_changes_nothing(deliver: Deliver, old: DiskImage) -> None:
    first = deliver(old)
    assert deliver(old, on_conflict="replace").ending == "already-there"
    assert list(deliver.there()) == [first.image_id]


def test_two_of_the_name_are_both_replaced(deliver: Deliver, old: DiskImage, new: DiskImage) -> None:
    first, second = deliver(old), deliver(old, on_conflict="new")
    third = deliver(new, on_conflict="replace")
    assert sorted(third.replaced) == sorted([first.image_id, second.image_id])
    assert [one["name"] for one in deliver.there().values() if not one["os_hidden"]] == [deliver.name]


def test_a_wrong_hash_leaves_the_old_one_in_place(
    deliver: Deliver, old: DiskImage, new: DiskImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = deliver(old)
    monkeypatch.setattr(verify, "hash_in", lambda record: ("sha512", "0" * 128))
    monkeypatch.setattr("imgtool.glance.upload.hash_in", lambda record: ("sha512", "0" * 128))
    with pytest.raises(VerificationError, match="sha512"):
        deliver(new, on_conflict="replace")
    there = deliver.there()
    assert list(there) == [first.image_id]
    assert (there[first.image_id]["name"], there[first.image_id]["os_hidden"]) == (deliver.name, False)
    assert deliver.journalled() == []


STOPS: list[tuple[str, str]] = [
    ("imgtool.glance.images.create", "before"),
    ("imgtool.glance.images.create", "after"),
    ("imgtool.glance.images.send", "after"),
    ("imgtool.glance.finalize.share", "before"),
    ("imgtool.glance.finalize.take_name", "before"),
    ("imgtool.glance.removal.set_aside", "after"),
    ("imgtool.glance.finalize.take_name", "after"),
]


def killed(deliver: Deliver, image: DiskImage, point: str, moment: str) -> None:
    """A run that replaces, killed there."""
    target = ("--cloud", "devcloud-member", "--name", deliver.name, "--on-conflict", "replace")
    ended = killed_at(point, moment, "upload", image.path, "-f", "raw", "--no-derive", *target)
    assert ended.returncode == -9, ended.stderr


@pytest.mark.parametrize(("point", "moment"), STOPS, ids=lambda value: value.rpartition(".")[2])
def test_a_killed_replace_is_finished_or_undone_by_the_next_run(
    deliver: Deliver, old: DiskImage, new: DiskImage, point: str, moment: str
) -> None:
    first = deliver(old)
    killed(deliver, new, point, moment)
    assert len(deliver.journalled()) == 1
    second = deliver(new, on_conflict="replace")
    there = deliver.there()
    assert deliver.journalled() == []
    assert set(there) == {first.image_id, second.image_id}
    assert there[second.image_id]["name"] == deliver.name
    assert there[second.image_id]["os_hash_value"] == sha512(new)
    assert not there[second.image_id]["os_hidden"]
    assert there[first.image_id]["os_hidden"]
    assert there[first.image_id]["os_hash_value"] == sha512(old)


def test_a_record_that_glance_makes_after_its_maker_was_killed_is_waited_for(
    deliver: Deliver, old: DiskImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgtool.glance.rollback.COMING_SECONDS", 3.0)
    image_id = note_of_a_killed_run(deliver)
    plan = plan_upload(old, cloud=CloudName("c"), wanted=GlanceTarget(deliver.name), properties=())
    late = threading.Timer(
        1.0, images.create, (deliver.cloud, image_id, plan), {"name": deliver.name, "hidden": False}
    )
    late.start()
    uploaded = deliver(old)
    late.join()
    assert set(deliver.there()) == {uploaded.image_id}
    assert deliver.journalled() == []


def test_whose_name_is_another_does_not_wait_and_leaves_it_to_who_does(deliver: Deliver) -> None:
    note_of_a_killed_run(deliver)
    finalize.recover(deliver.cloud, deliver.journal, NullProgress(), "another")
    (page,) = deliver.journalled()
    os.utime(page, (0, 0))
    finalize.recover(deliver.cloud, deliver.journal, NullProgress(), "another")
    assert deliver.journalled() == []


def note_of_a_killed_run(deliver: Deliver) -> str:
    """The id that it had chosen."""
    image_id = f"{uuid.uuid4()}"
    with deliver.journal.begin(
        Entry(image_id, deliver.cloud.endpoint, deliver.cloud.project_id, deliver.name)
    ):
        return image_id


def test_what_cannot_be_cleaned_up_is_left_to_the_next_run(
    deliver: Deliver, new: DiskImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image that somebody protected in between."""
    monkeypatch.setattr("imgtool.glance.rollback.DELETE_SECONDS", 0)
    stuck = deliver(new)
    images.patch(deliver.cloud, stuck.image_id, {"protected": True})
    entry = Entry(stuck.image_id, deliver.cloud.endpoint, deliver.cloud.project_id, deliver.name)
    with deliver.journal.begin(entry):
        pass
    stages: list[str] = []

    class Listener(NullProgress):
        def stage(self, name: str, message: str) -> None:
            stages.append(message)

    finalize.recover(deliver.cloud, deliver.journal, Listener())
    assert any(stuck.image_id in message and "stays" in message for message in stages)
    assert len(deliver.journalled()) == 1
    images.patch(deliver.cloud, stuck.image_id, {"protected": False})
    finalize.recover(deliver.cloud, deliver.journal, Listener())
    assert deliver.journalled() == []
    assert deliver.there() == {}


def test_a_long_name_can_be_replaced(
    cloud: Cloud, journal: Journal, old: DiskImage, new: DiskImage, name: str
) -> None:
    deliver = Deliver(cloud, journal, (name + "ü" * 255)[:255])
    first = deliver(old)
    assert deliver(new, on_conflict="replace").replaced == (first.image_id,)


def test_members_and_attributes(deliver: Deliver, old: DiskImage, devcloud: Devcloud, cloud: Cloud) -> None:
    other = connect("devcloud").project_id
    wanted_id = str(uuid.uuid4())
    result = deliver(
        old,
        visibility="shared",
        members=(other,),
        tags=("golden", "debian 12"),
        min_disk_gib=3,
        min_ram_mib=512,
        image_id=wanted_id,
        hidden=True,
        protected=True,
        stores=("slow",),
    )
    record = cloud.request("GET", f"/v2/images/{wanted_id}").document
    assert result.image_id == wanted_id
    assert result.stores == ("slow",)
    assert (record["visibility"], record["min_disk"], record["min_ram"]) == ("shared", 3, 512)
    assert sorted(record["tags"]) == ["debian 12", "golden"]
    assert (record["os_hidden"], record["protected"], record["stores"]) == (True, True, "slow")
    members = cloud.request("GET", f"/v2/images/{wanted_id}/members").document["members"]
    assert [one["member_id"] for one in members] == [other]
    images.patch(cloud, wanted_id, {"protected": False})


@pytest.mark.parametrize("wanted", [{"method": "import"}, {"stores": ("fast", "slow")}, {"all_stores": True}])
def test_import(deliver: Deliver, old: DiskImage, wanted: dict[str, Any]) -> None:
    result = deliver(old, **wanted)
    assert result.status == "active"
    assert result.hash_value == sha512(old)
    expected = {"fast"} if "method" in wanted else {"fast", "slow"}
    assert set(result.stores) == expected


def test_a_streamed_qcow2_arrives_whole(
    cloud: Cloud, journal: Journal, name: str, tmp_path: Path, deliver: Deliver
) -> None:
    path = create(tmp_path / "disk.raw", "raw", "24M")
    qemu_io(path, ["write -P 7 1M 2M", "write -P 9 20M 1M"], "raw")
    image = admit(path)
    plan = plan_upload(
        image, cloud=CloudName("c"), wanted=GlanceTarget(name), properties=(), disk_format="qcow2"
    )
    plan = replace(plan, streamed=True)
    with open_payload(image, "qcow2", NullProgress()) as payload:
        result = execute(plan, payload, cloud, journal, NullProgress())
    assert (result.status, result.size_bytes) == ("active", payload.size_bytes)
    record = deliver.there()[result.image_id]
    assert (record["disk_format"], record["virtual_size"]) == ("qcow2", 24 << 20)


def test_the_half_image_of_a_killed_run_is_no_conflict_for_the_next(
    deliver: Deliver, new: DiskImage, cloud: Cloud
) -> None:
    """It has the name, and the preflight looks for names."""
    killed(deliver, new, "imgtool.glance.images.create", "after")
    plan = plan_upload(new, cloud=CloudName("c"), wanted=GlanceTarget(deliver.name), properties=())
    there = check_each([plan], [Destination(cloud)], SIZE, deliver.journal, NullProgress())
    assert there == (Destination(cloud),)
    assert deliver.there() == {}
