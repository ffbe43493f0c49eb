from dataclasses import replace
from typing import cast

import pytest

from imgtool.glance import concurrency, images
from imgtool.glance.cloud import Cloud
from imgtool.glance.record import Record, parse


class _Named:
    """All that is asked of a cloud here."""

    name = "c"


CLOUD = cast("Cloud", _Named())
OWN = parse({"id": "m", "status": "active", "name": "x", "created_at": "2026-01-01T00:00:05Z"})


def others(monkeypatch: pytest.MonkeyPatch, *found: Record) -> None:
    monkeypatch.setattr(images, "named", lambda _cloud, _name: (OWN, *found))


@pytest.mark.parametrize(
    ("other_id", "created_at", "older"),
    [
        ("z", "2026-01-01T00:00:04Z", True),
        ("a", "2026-01-01T00:00:06Z", False),
        ("a", "2026-01-01T00:00:05Z", True),
        ("z", "2026-01-01T00:00:05Z", False),
        ("a", None, True),
        ("z", None, False),
    ],
)
def test_the_older_one_keeps_the_name(
    other_id: str, created_at: str | None, older: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two that see each other exactly one gives way."""
    other = replace(OWN, id=other_id, created_at=created_at)
    others(monkeypatch, other)
    if older:
        with pytest.raises(concurrency.OvertakenError, match=f"meanwhile: {other_id}"):
            concurrency.younger(CLOUD, OWN, "x", ())
        assert concurrency.younger(CLOUD, other, "x", ()) == (OWN,)
    else:
        assert concurrency.younger(CLOUD, OWN, "x", ()) == (other,)
        with pytest.raises(concurrency.OvertakenError, match="meanwhile: m"):
            concurrency.younger(CLOUD, other, "x", ())


def test_what_was_there_before_is_no_rival(monkeypatch: pytest.MonkeyPatch) -> None:
    others(monkeypatch, replace(OWN, id="a", created_at="2020-01-01T00:00:00Z"))
    assert concurrency.younger(CLOUD, OWN, "x", ("a",)) == ()
