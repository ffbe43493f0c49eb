import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.images import create

from imgtool.errors import VerificationError
from imgtool.formats.gate import admit, open_admitted
from imgtool.glance.body import Body
from imgtool.glance.images import Record
from imgtool.glance.plan import plan_upload
from imgtool.glance.verify import verify_arrival
from imgtool.model.delivery import UploadPlan, Wanted
from imgtool.progress import NullMeter


@pytest.fixture
def plan(tmp_path: Path) -> UploadPlan:
    image = admit(create(tmp_path / "disk.qcow2"))
    return plan_upload(image, cloud="c", wanted=Wanted("x"), properties=())


@pytest.fixture
def body(plan: UploadPlan) -> Iterator[Body]:
    with open_admitted(plan.image) as source:
        sent = Body(source, NullMeter())
        assert b"".join(sent)
        yield sent


@pytest.fixture
def record(plan: UploadPlan) -> Record:
    content = plan.image.path.read_bytes()
    return Record(
        id="1",
        status="active",
        size_bytes=len(content),
        disk_format="qcow2",
        hash_algorithm="sha512",
        hash_value=hashlib.sha512(content).hexdigest(),
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
    )


def test_the_same_passes(plan: UploadPlan, record: Record, body: Body) -> None:
    assert verify_arrival(plan, record, body) == ("sha512", record.hash_value)


def test_the_server_chooses_the_algorithm(plan: UploadPlan, record: Record, body: Body) -> None:
    value = hashlib.sha256(plan.image.path.read_bytes()).hexdigest()
    other = replace(record, hash_algorithm="sha256", hash_value=value)
    assert verify_arrival(plan, other, body) == ("sha256", value)


def test_an_old_cloud_has_md5_only(plan: UploadPlan, record: Record, body: Body) -> None:
    old = replace(record, hash_algorithm=None, hash_value=None)
    assert verify_arrival(plan, old, body) == ("md5", record.md5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"size_bytes": 0}, "size in bytes is 0"),
        ({"size_bytes": None}, "size in bytes"),
        ({"disk_format": "raw"}, "disk format is raw, was qcow2"),
        ({"hash_value": "0" * 128}, "sha512 is 000"),
        ({"hash_value": None}, "sha512 is None"),
        ({"hash_algorithm": None, "md5": None}, "md5 is None"),
        ({"hash_algorithm": "unheard-of"}, "unheard-of is not known"),
    ],
)
def test_any_difference_fails(
    plan: UploadPlan, record: Record, body: Body, change: dict[str, object], words: str
) -> None:
    with pytest.raises(VerificationError, match=words):
        verify_arrival(plan, replace(record, **change), body)
