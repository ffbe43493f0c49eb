from dataclasses import replace
from pathlib import Path

import pytest
from support.images import create

from imgtool.errors import VerificationError
from imgtool.formats.gate import admit
from imgtool.glance import verify
from imgtool.glance.plan import plan_upload
from imgtool.glance.record import Record, parse
from imgtool.model.delivery import CloudName, GlanceTarget, Property, UploadPlan

RECORD = parse(
    {
        "id": "1", "status": "active", "name": "x", "owner": "p", "visibility": "shared",
        "disk_format": "qcow2", "container_format": "bare", "min_disk": 1, "min_ram": 0,
        "tags": ["a", "b"], "hw_x": "1",
    }
)  # fmt: skip


@pytest.fixture
def plan(tmp_path: Path) -> UploadPlan:
    image = admit(create(tmp_path / "disk.qcow2"))
    wanted = GlanceTarget("x", visibility="shared", tags=("a",))
    properties = (Property("hw_x", "1", "given"),)
    return plan_upload(image, cloud=CloudName("c"), wanted=wanted, properties=properties)


def require(plan: UploadPlan, record: Record, *, hidden: bool = False) -> None:
    verify.require(plan, record, project_id="p", name="x", hidden=hidden)


def test_the_same_passes(plan: UploadPlan) -> None:
    require(plan, RECORD)
    assert verify.differences(plan, RECORD) == ()


@pytest.mark.parametrize(
    "change",
    [
        {"name": "y"},
        {"owner": "q"},
        {"owner": None},
        {"visibility": "community"},
        {"visibility": "public"},
        {"visibility": None},
        {"visibility": "unheard-of"},
        {"disk_format": "raw"},
        {"container_format": None},
    ],
    ids=repr,
)
def test_what_matters_is_refused(plan: UploadPlan, change: dict[str, str | None]) -> None:
    with pytest.raises(VerificationError, match=f"its {next(iter(change))} is"):
        require(plan, replace(RECORD, **change))


def test_an_image_that_is_not_hidden_though_it_was_to_be(plan: UploadPlan) -> None:
    with pytest.raises(VerificationError, match="os_hidden"):
        require(plan, RECORD, hidden=True)


def test_an_owner_that_was_asked_for(plan: UploadPlan) -> None:
    given = replace(plan, wanted=replace(plan.wanted, owner="q"))
    require(given, replace(RECORD, owner="q"))
    with pytest.raises(VerificationError, match="owner"):
        require(given, RECORD)


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"visibility": "private"}, "visibility is private there, wanted was shared"),
        ({"protected": True}, "protected is True there, wanted was False"),
        ({"min_disk_gib": 9}, "min_disk is 9 there, wanted was 1"),
        ({"min_ram_mib": None}, "min_ram is not set there, wanted was 0"),
        ({"tags": ("b",)}, "tag a is not set there, wanted was set"),
        ({"properties": {"hw_x": "2", "more": "1"}}, "hw_x is 2 there, wanted was 1"),
    ],
    ids=repr,
)
def test_the_rest_is_noted(plan: UploadPlan, change: dict[str, object], note: str) -> None:
    record = replace(RECORD, **change)  # type: ignore[arg-type]  # by name, as the test says
    require(plan, record)
    assert verify.differences(plan, record) == (note,)
