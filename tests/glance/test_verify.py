import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.images import create

from imgtool.convert.payload import open_payload
from imgtool.errors import VerificationError
from imgtool.formats.gate import admit
from imgtool.glance.body import Body
from imgtool.glance.plan import plan_upload
from imgtool.glance.record import Record, parse
from imgtool.glance.verify import verify_arrival
from imgtool.model.delivery import CloudName, GlanceTarget, UploadPlan
from imgtool.util.progress import NullMeter, NullProgress


@pytest.fixture
def plan(tmp_path: Path) -> UploadPlan:
    image = admit(create(tmp_path / "disk.qcow2"))
    return plan_upload(image, cloud=CloudName("c"), wanted=GlanceTarget("x"), properties=())


@pytest.fixture
def body(plan: UploadPlan) -> Iterator[Body]:
    with open_payload(plan.image, "qcow2", NullProgress()) as payload:
        sent = Body(payload, NullMeter())
        assert b"".join(sent)
        yield sent


@pytest.fixture
def record(plan: UploadPlan) -> Record:
    content = plan.image.path.read_bytes()
    return parse(
        {
            "id": "1",
            "status": "active",
            "size": len(content),
            "disk_format": "qcow2",
            "os_hash_algo": "sha512",
            "os_hash_value": hashlib.sha512(content).hexdigest(),
            "checksum": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        }
    )


def test_the_same_passes(record: Record, body: Body) -> None:
    assert verify_arrival(record, body, "qcow2") == ("qcow2", "sha512", record.hash_value)


def test_the_server_chooses_the_algorithm(plan: UploadPlan, record: Record, body: Body) -> None:
    value = hashlib.sha256(plan.image.path.read_bytes()).hexdigest()
    other = replace(record, hash_algorithm="sha256", hash_value=value)
    assert verify_arrival(other, body, "qcow2") == ("qcow2", "sha256", value)


def test_an_old_cloud_has_md5_only(record: Record, body: Body) -> None:
    old = replace(record, hash_algorithm=None, hash_value=None)
    assert verify_arrival(old, body, "qcow2") == ("qcow2", "md5", record.md5)


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
def test_any_difference_fails(record: Record, body: Body, change: dict[str, object], words: str) -> None:
    with pytest.raises(VerificationError, match=words):
        verify_arrival(replace(record, **change), body, "qcow2")
