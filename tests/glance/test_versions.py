"""Which images are versions of a name, and which of them stay."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from imgtool.glance.names import MAX_NAME, base_name, former_name
from imgtool.glance.record import Record, parse
from imgtool.glance.versions import MADE_BY, Wanted, decide

NAME = "debian 12"


def record(number: int, **changes: Any) -> Record:
    """The version that came as number `number`; without changes it has been replaced."""
    image_id = f"{number:08x}-0000-4000-8000-000000000000"
    document = {
        "id": image_id, "status": "active", "name": former_name(NAME, image_id), "os_hidden": True,
        "protected": False, "created_at": f"2026-01-{number:02}T00:00:00Z", "size": 7, MADE_BY: "0.1.0",
    }  # fmt: skip
    document |= {"name": NAME, "os_hidden": False} if changes.pop("named", False) else {}
    return parse({key: value for key, value in {**document, **changes}.items() if value is not None})


def fates(records: list[Record], keep: int = 3, **wanted: Any) -> dict[int, str]:
    return {int(one.image_id[:8], 16): one.fate for one in decide(records, Wanted(NAME, keep, **wanted))}


def test_the_newest_stay_and_the_current_one_is_among_them() -> None:
    records = [record(number) for number in range(1, 12)] + [record(12, named=True)]
    found = fates(records)
    assert [number for number, fate in found.items() if fate != "deleted"] == [12, 11, 10]
    assert found[12] == "current"
    assert list(found) == list(range(12, 0, -1))


def test_an_older_one_that_was_given_its_name_back_stays() -> None:
    found = fates([record(1, named=True), *(record(number) for number in range(2, 6))], keep=2)
    assert found == {1: "current", 5: "kept", 4: "deleted", 3: "deleted", 2: "deleted"}


@given(st.lists(st.tuples(st.integers(1, 3), st.booleans()), min_size=1, max_size=12), st.integers(1, 4))
def test_a_second_run_has_nothing_left_to_do(made: list[tuple[int, bool]], keep: int) -> None:
    """Also where several came within one second."""
    records = [
        record(number, named=named, created_at=f"2026-01-01T00:00:0{second}Z")
        for number, (second, named) in enumerate(made, 1)
    ]
    first = decide(records, Wanted(NAME, keep))
    aside = {one.image_id for one in first if one.hides}
    left = [
        replace(one, name=former_name(NAME, one.id), hidden=True) if one.id in aside else one
        for one in records
        if one.id not in {version.image_id for version in first if version.fate == "deleted"}
    ]
    again = decide(left, Wanted(NAME, keep))
    assert not [one for one in again if one.hides or one.fate == "deleted"]


def test_all_of_the_name_but_the_newest_are_set_aside() -> None:
    versions = decide([record(number, named=True) for number in (1, 2, 3)], Wanted(NAME, 2))
    assert [(one.fate, one.hides) for one in versions] == [
        ("current", False), ("kept", True), ("deleted", True),
    ]  # fmt: skip


def test_protected_ones_are_not_deleted() -> None:
    assert fates([record(2, named=True), record(1, protected=True)], keep=1)[1] == "protected"


def test_what_imgtool_did_not_make_is_left_alone_and_takes_no_place() -> None:
    records = [record(4, named=True), record(3, **{MADE_BY: None}), record(2), record(1)]
    assert fates(records, keep=2) == {4: "current", 2: "kept", 1: "deleted", 3: "foreign"}


def test_unless_its_id_is_given() -> None:
    foreign = record(1, **{MADE_BY: None})
    assert fates([record(2, named=True), foreign], keep=1, named=(foreign.id,))[1] == "deleted"


def test_a_snapshot_of_a_server_has_the_properties_of_its_image_and_is_no_version() -> None:
    for key in ("base_image_ref", "instance_uuid"):
        snapshot = record(1, named=True, **{key: record(2).id})
        assert fates([record(2, named=True), snapshot], keep=1)[1] == "foreign"
    assert fates([record(2, named=True), record(1, image_type="snapshot")], keep=1)[1] == "foreign"


def test_what_is_not_finished_is_left_alone() -> None:
    for status in ("queued", "saving", "importing", "uploading"):
        assert fates([record(2, named=True), record(1, status=status)], keep=1)[1] == "unfinished"


def test_other_names_are_other_images() -> None:
    others = [
        record(1, name=f"{NAME} x"),
        record(2, name=former_name(NAME, record(3).id)),
        record(4, name="x"),
    ]
    assert fates([*others, record(5, named=True)], keep=1) == {5: "current"}


def test_the_new_image_is_the_current_one_before_it_has_the_name() -> None:
    new = record(4, name=f"{NAME} (new 00000004)", os_hidden=True)
    found = fates([new, record(3, named=True), record(2), record(1)], keep=2, current=new.id)
    assert found == {4: "current", 3: "kept", 2: "deleted", 1: "deleted"}


def test_an_old_glance_hides_nothing() -> None:
    shown = replace(record(1), hidden=False)
    assert decide([record(2, named=True), shown], Wanted(NAME, 2, can_hide=False))[1].hides is False
    assert decide([record(2, named=True), shown], Wanted(NAME, 2))[1].hides is True


@given(
    name=st.text(
        st.characters(codec="ascii", categories=("L", "N", "P", "Zs")), min_size=1, max_size=MAX_NAME
    )
)
def test_the_name_that_an_image_had_is_found_again(name: str) -> None:
    image_id = record(1).id
    former = former_name(name, image_id)
    assert name.startswith(base_name(former, image_id))
    assert former_name(base_name(former, image_id), image_id) == former
    assert base_name(f"{NAME} (replaced 12345678)", image_id) == f"{NAME} (replaced 12345678)"


@given(
    st.lists(
        st.tuples(st.booleans(), st.booleans(), st.sampled_from(["active", "queued", "deactivated"])),
        min_size=1, max_size=14,
    ),
    st.integers(1, 5),
)  # fmt: skip
def test_never_fewer_than_asked_for_stay(made: list[tuple[bool, bool, str]], keep: int) -> None:
    records = [
        record(number, named=named, protected=protected, status=status)
        for number, (named, protected, status) in enumerate(made, 1)
    ]
    versions = decide(records, Wanted(NAME, keep))
    ours = [one for one in versions if one.fate not in {"foreign", "unfinished"}]
    assert sum(one.fate != "deleted" for one in ours) >= min(keep, len(ours))
    assert not any(one.hides for one in ours[:1] if one.fate == "current")
    deleted = {one.image_id for one in versions if one.fate == "deleted"}
    assert not deleted & {one.id for one in records if one.protected or one.status == "queued"}
