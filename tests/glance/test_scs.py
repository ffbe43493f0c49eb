"""The SCS Image Metadata standard: what is derived, what is required, and which values it has."""

from typing import Any

import pytest
from support.facts import UNREADABLE, cloud_init, inspection, known, linux, windows_inspection

from imgtool.errors import UsageError
from imgtool.glance.properties import derive
from imgtool.glance.scs import REQUIRED, described
from imgtool.model.delivery import GlanceTarget, Property
from imgtool.model.inspection import Inspection

GIVEN = {
    "image_description": "https://example.org/notes",
    "replace_frequency": "monthly",
    "uuid_validity": "last-3",
    "provided_until": "2027-12-31",
}
URL = "https://images.example.org/debian-12.qcow2"


def found(
    given: dict[str, str] = GIVEN,
    of: Inspection | None = None,
    url: str | None = URL,
    insist: bool = False,
    **wanted: Any,
) -> dict[str, str]:
    image = of or inspection(linux(build_date=known("2026-05-17", "dpkg")))
    target = GlanceTarget("x", **{"min_ram_mib": 512, **wanted})
    own = derive(image, given)
    return {one.name: one.value for one in described(own, image.guest.linux, target, url, insist=insist)}


def test_what_is_inside_is_derived() -> None:
    properties = found()
    assert set(REQUIRED) <= set(properties)
    assert properties["image_build_date"] == "2026-05-17"
    assert properties["image_original_user"] == "debian"
    assert properties["image_source"] == URL


def test_the_operator_s_values_win() -> None:
    properties = found({**GIVEN, "image_source": "private", "image_build_date": "2026-05-01 12:30"})
    assert (properties["image_source"], properties["image_build_date"]) == ("private", "2026-05-01 12:30")


def test_how_long_versions_are_kept_is_known_where_imgtool_keeps_them() -> None:
    given = {key: value for key, value in GIVEN.items() if key != "uuid_validity"}
    assert found(given, keep_last=5)["uuid_validity"] == "last-5"


def test_no_default_user() -> None:
    image = inspection(linux(build_date=known("2026-05-17"), cloud_init=cloud_init(default_user=known(None))))
    assert found(of=image)["image_original_user"] == "none"


def test_all_that_is_missing_is_named() -> None:
    with pytest.raises(UsageError) as caught:
        found({}, url=None)
    assert caught.value.message == (
        "scs-0102 requires image properties that are missing: image_source, image_description, "
        "replace_frequency, uuid_validity, provided_until"
    )
    assert "--property image_source=https://... " in caught.value.hint
    assert "image_description" not in found({}, insist=True)


def test_why_there_is_no_build_date_is_said() -> None:
    with pytest.raises(UsageError, match=r"image_build_date \(the date of the newest package is unknown: "):
        found(of=inspection(linux(build_date=UNREADABLE)))
    with pytest.raises(UsageError, match="image_build_date, image_original_user"):
        found(of=windows_inspection())


def test_the_memory_that_it_needs_is_required() -> None:
    with pytest.raises(UsageError, match="memory") as caught:
        found(min_ram_mib=0)
    assert "--min-ram" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("replace_frequency", "montly", "did you mean monthly?"),
        ("os_purpose", "general", "did you mean generic?"),
        ("uuid_validity", "last", "it has YYYY-MM-DD, none, notice, forever, last-N"),
        ("provided_until", "forever", "it has YYYY-MM-DD, none, notice"),
        ("provided_until", "2026-02-30", "it has YYYY-MM-DD"),
        ("image_build_date", "17.5.2026", "YYYY-MM-DD or YYYY-MM-DD hh:mm[:ss], in UTC"),
        ("hotfix_hours", "two days", "a number of hours"),
    ],
)
def test_values_that_the_standard_does_not_have(name: str, value: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"scs-0102 has no {name}={value}") as caught:
        found({**GIVEN, name: value})
    assert hint in caught.value.hint
    assert found({**GIVEN, name: value}, insist=True)[name] == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("os_purpose", "oldgeneric"), ("uuid_validity", "forever"), ("uuid_validity", "2027-01-01"),
        ("provided_until", "notice"), ("hotfix_hours", "48"), ("replace_frequency", "critical_bug"),
        ("image_build_date", "2026-05-17 03:04:05"), ("patchlevel", "anything"),
    ],
)  # fmt: skip
def test_values_that_it_has(name: str, value: str) -> None:
    assert found({**GIVEN, name: value})[name] == value


def test_nothing_is_derived_where_that_is_not_wanted() -> None:
    image = inspection(linux(build_date=known("2026-05-17")))
    own = (Property("architecture", "x86_64", "given"),)
    with pytest.raises(UsageError, match="os_distro, os_version"):
        described(own, image.guest.linux, GlanceTarget("x"), URL, derive=False)
    assert described(own, image.guest.linux, GlanceTarget("x"), URL, derive=False, insist=True) == own
