"""A fact is of a size that can be shown, whatever a guest holds."""

from collections.abc import Iterator

from imgtool.guest.fact import MAX_EVIDENCE_CHARACTERS, MAX_LISTED, fact_of, listed, value_of
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.model.facts import Known, Unknown


def test_a_list_has_its_evidence() -> None:
    assert listed(iter(()), "nothing") == Known((), "nothing")
    assert listed(["a", "b"], "nothing", "; ") == Known(("a", "b"), "a; b")


def test_of_a_long_list_no_more_is_looked_at() -> None:
    looked_at = []

    def paths() -> Iterator[str]:
        for number in range(200_000):
            looked_at.append(number)
            yield str(number)

    found = listed(paths(), "nothing")
    assert found.value == tuple(map(str, range(MAX_LISTED)))
    assert found.evidence.startswith(f"the first {MAX_LISTED} of more: 0, 1, ")
    assert len(looked_at) == MAX_LISTED + 1


def test_evidence_and_reasons_are_cut() -> None:
    def fail() -> Known[bool]:
        raise GuestReadError("x" * 30_000)

    known = fact_of(lambda: Known(value=True, evidence="x" * 30_000))
    unknown = fact_of(fail)
    assert isinstance(known, Known)
    assert isinstance(unknown, Unknown)
    for text in (known.evidence, unknown.reason):
        assert text == "x" * MAX_EVIDENCE_CHARACTERS + " (and 10000 characters more)"


def test_a_fact_that_is_built_on_another_is_unknown_for_the_same_reason() -> None:
    assert value_of(Known(3, "")) == 3
    assert fact_of(lambda: Known(value_of(Unknown("bad block")), "")) == Unknown("bad block")
