"""Uploads through a proxy that does faults: the image is in Glance as it was meant, or nothing of it is."""

import random
import subprocess
import uuid
from typing import cast

import pytest
from support.faults.answers import WORDS
from support.faults.every import BYTES, FINAL, STATUSES, WHENS, of_bytes, of_others
from support.faults.model import Fault, Kind, Route
from support.faulty_cloud import FaultyCloud, converts, direct, faulty, make_image, told
from support.in_process import imgtool_here

__all__ = ["converts", "direct", "faulty"]

Run = subprocess.CompletedProcess[str]

STALL_SECONDS = 1.0
FORMS = ["raw", "qcow2"]


def in_forms(times: int | None) -> list[tuple[Fault, str]]:
    """Each of them with one form: by each method raw and qcow2 take turns."""
    faults = [fault for route in BYTES for fault in of_bytes(route, times)]
    return [(fault, FORMS[number % len(FORMS)]) for number, fault in enumerate(faults)]


def upload(faulty: FaultyCloud, *faults: Fault, method: str | None = None) -> Run:
    """By the method that has such requests; with the rule, whatever came of it."""
    faulty.proxy.inject(*faults)
    staged = any(fault.route in {Route.STAGE, Route.IMPORT, Route.TASKS} for fault in faults)
    stalled = any(fault.kind == "stall" for fault in faults)
    seconds = STALL_SECONDS if stalled else 30
    run = faulty.upload("--method", method or ("import" if staged else "direct"), timeout=seconds)
    faulty.judge(run)
    return run


def is_told(run: Run, fault: Fault, faulty: FaultyCloud) -> None:
    """Why it failed: Glance's own words where it said something, else what is wrong with the connection."""
    said = " ".join(run.stderr.split())
    if fault.kind == "status":
        assert f"HTTP {fault.status}: {WORDS[fault.status]}" in said, told(run, faulty.proxy)
    elif fault.kind in {"truncate", "flip"}:
        # An import looks at the format itself, and what it says of that is all that Glance says.
        staged = (
            ("Glance's import into fast failed: ", "Glance's import failed: ")
            if fault.route is Route.STAGE
            else ()
        )
        words = ("what Glance has is not what was sent", "HTTP 415", *staged)
        assert any(word in said for word in words), told(run, faulty.proxy)
    else:
        assert "no connection" in said, told(run, faulty.proxy)
    if fault.route in BYTES and fault.kind not in {"truncate", "flip"}:
        assert any(word in said for word in ("the image's bytes", "broke off")), told(run, faulty.proxy)


def test_without_a_fault(faulty: FaultyCloud) -> None:
    assert upload(faulty).returncode == 0


def test_many_chunks_from_the_start_again(faulty: FaultyCloud) -> None:
    """More than one of the pieces in which a body is read; each attempt begins with the first."""
    faulty.image.write_bytes(bytes(4096) + random.Random(str(faulty.image)).randbytes(5 << 20))
    resets = (Fault(Route.DATA, "reset", at=0.3), Fault(Route.DATA, "reset", at=0.9, nth=2))
    assert upload(faulty, *resets).returncode == 0
    assert len(faulty.proxy.of(Route.DATA)) == len(set(faulty.proxy.image_ids)) == 3


@pytest.mark.series(5)
@pytest.mark.parametrize(("fault", "form"), in_forms(1), ids=str)
def test_a_fault_of_the_bytes_that_passes(fault: Fault, form: str, faulty: FaultyCloud) -> None:
    """A bad moment is got over; what was refused for a reason, or arrived wrong, is not tried again."""
    run = upload(faulty, fault)
    assert faulty.proxy.met == (fault,)
    if fault.kind in {"truncate", "flip"}:
        assert run.returncode in {5, 6}, told(run, faulty.proxy)
    elif fault.kind == "status" and fault.status in FINAL:
        assert run.returncode == 6, told(run, faulty.proxy)
    else:
        assert run.returncode == 0, told(run, faulty.proxy)
    if run.returncode:
        is_told(run, fault, faulty)


@pytest.mark.series(5)
@pytest.mark.parametrize(("fault", "form"), in_forms(None), ids=str)
def test_a_fault_of_the_bytes_that_stays(fault: Fault, form: str, faulty: FaultyCloud) -> None:
    run = upload(faulty, fault)
    if run.returncode == 0:  # Glance has all of it; only its answer never comes
        assert fault.kind in {"reset", "unanswered", "cut"}
        assert faulty.proxy.seen[-1].glance_status is not None
        return
    assert run.returncode == 6 or fault.kind in {"truncate", "flip"}, told(run, faulty.proxy)
    is_told(run, fault, faulty)


@pytest.mark.series(5)
@pytest.mark.parametrize("fault", of_others(1), ids=str)
def test_a_fault_of_another_request_that_passes(fault: Fault, faulty: FaultyCloud) -> None:
    run = upload(faulty, fault)
    assert faulty.proxy.met == (fault,)
    if run.returncode:
        is_told(run, fault, faulty)


@pytest.mark.series(5)
@pytest.mark.parametrize("fault", of_others(None), ids=str)
def test_a_fault_of_another_request_that_stays(fault: Fault, faulty: FaultyCloud) -> None:
    run = upload(faulty, fault)
    if fault.route is Route.TASKS:  # it only tells more of a failure
        return
    if fault.route is Route.IMPORT and fault.kind == "cut" and run.returncode == 0:
        return  # its answer has no body that could be cut
    assert run.returncode == 6, told(run, faulty.proxy)
    is_told(run, fault, faulty)


@pytest.mark.parametrize("method", ["direct", "import"])
@pytest.mark.parametrize(
    "fault",
    [
        *(Fault(Route.DELETE, "reset", at=at, times=2) for at in (0, 1)),
        *(Fault(Route.DELETE, "status", status=status, times=2) for status in (401, 409, 500, 503)),
        Fault(Route.DELETE, "cut", at=0.5, times=2),
    ],
    ids=str,
)
def test_a_fault_while_it_is_deleted_again(fault: Fault, method: str, faulty: FaultyCloud) -> None:
    route = Route.DATA if method == "direct" else Route.STAGE
    run = upload(faulty, Fault(route, "status", status=413, when="instead"), fault, method=method)
    assert run.returncode == 6
    assert WORDS[413] in run.stderr


def test_what_cannot_be_deleted_is_named_and_the_next_run_does_it(faulty: FaultyCloud) -> None:
    never = Fault(Route.DELETE, "status", status=503, times=None)
    faulty.proxy.inject(Fault(Route.DATA, "truncate", at=0.5), never)
    run = faulty.upload()
    (left,) = faulty.ours()
    assert run.returncode == 5, told(run, faulty.proxy)
    assert left["id"] in run.stderr
    assert [path.stem for path in faulty.journal.glob("*.json")] == [left["id"]]
    faulty.proxy.calm()
    again = upload(faulty)
    assert again.returncode == 0, told(again, faulty.proxy)
    assert left["id"] not in [one["id"] for one in faulty.ours()]


@pytest.mark.parametrize(
    "fault",
    [
        *(Fault(Route.PATCH, "reset", at=at, nth=nth) for at in (0, 1) for nth in (1, 2)),
        *(Fault(Route.PATCH, "status", status=503, when=when) for when in ("before", "instead")),
        Fault(Route.PATCH, "cut", at=0.5, nth=2),
    ],
    ids=str,
)
def test_a_replacement_gets_over_a_bad_moment(fault: Fault, faulty: FaultyCloud) -> None:
    old = replaced(faulty)
    faulty.proxy.inject(fault)
    run = faulty.upload("--replace")
    assert faulty.proxy.met == (fault,)
    assert run.returncode == 0, told(run, faulty.proxy)
    faulty.judge(run, old)
    assert faulty.direct.image.get(f"/images/{old}").json()["os_hidden"]


@pytest.mark.parametrize("nth", [2, 3])
def test_an_unfinished_replacement_is_finished_by_the_next_run(nth: int, faulty: FaultyCloud) -> None:
    """The first PATCH says where the image came from; the others give the names."""
    old = replaced(faulty)
    faulty.proxy.inject(Fault(Route.PATCH, "status", status=500, nth=nth, times=None))
    run = faulty.upload("--replace")
    assert run.returncode == 6, told(run, faulty.proxy)
    assert WORDS[500] in run.stderr
    assert all(one["status"] == "active" for one in faulty.ours())
    new = faulty.proxy.image_ids
    faulty.proxy.calm()
    again = faulty.upload("--replace")
    assert again.returncode == 0, told(again, faulty.proxy)
    assert faulty.proxy.image_ids == ()  # already there
    faulty.judge(again, old)
    assert [one["id"] for one in faulty.ours() if one["name"] == faulty.name] == list(new)


def test_a_replacement_that_fails_leaves_the_old_one_as_it_was(faulty: FaultyCloud) -> None:
    old = replaced(faulty)
    before = faulty.direct.image.get(f"/images/{old}").json()
    faulty.proxy.inject(Fault(Route.DATA, "flip", at=0.6))
    run = faulty.upload("--replace")
    assert run.returncode == 5, told(run, faulty.proxy)
    faulty.judge(run, old)
    assert faulty.direct.image.get(f"/images/{old}").json() == before


def replaced(faulty: FaultyCloud) -> str:
    """The id of another image, which has the name now."""
    assert faulty.upload().returncode == 0
    (old,) = faulty.ours()
    faulty.image = make_image(faulty.image.parent, faulty.image.suffix[1:], uuid.uuid4())
    faulty.proxy.calm()
    return str(old["id"])


NOT_SEEN = Fault(Route.SHOW, "status", status=404, when="instead")
"""Of an image of another project, or of one that came into being after we looked."""


@pytest.mark.parametrize("faults", [(), (NOT_SEEN,)], ids=["seen", "not seen"])
def test_an_id_that_is_taken_keeps_its_image(faults: tuple[Fault, ...], faulty: FaultyCloud) -> None:
    """What was there before is not ours to delete, whatever Glance answers."""
    old = replaced(faulty)
    faulty.proxy.inject(*faults)
    for _ in range(2):  # nor does the next run
        run = faulty.upload("--id", old, "--on-conflict", "new")
        assert run.returncode == 6, told(run, faulty.proxy)
        assert old in run.stderr
        found = faulty.direct.image.get(f"/images/{old}")
        assert found.status_code == 200, told(run, faulty.proxy)
        assert found.json()["status"] == "active"
    assert list(faulty.journal.glob("*.json")) == []


KINDS: dict[Kind, int] = {
    "reset": 6, "unanswered": 2, "stall": 1, "status": 8, "truncate": 2, "flip": 2, "cut": 2
}  # fmt: skip
ONLY_BYTES = {"truncate", "flip"}


def chance(seed: int) -> tuple[str, str, tuple[Fault, ...]]:
    """The format, the method, and one to three faults of random requests, kinds and moments."""
    rng = random.Random(seed)
    method = rng.choice(["direct", "direct", "import"])
    carrier = Route.DATA if method == "direct" else Route.STAGE
    routes = [carrier] * 5 + [Route.CREATE, Route.SHOW, Route.DELETE, Route.LIST, Route.ANY]
    routes += [Route.IMPORT, Route.TASKS] if method == "import" else []
    faults = tuple(one_fault(rng, rng.choice(routes), carrier) for _ in range(rng.choice([1, 1, 1, 2, 3])))
    return rng.choice(FORMS), method, faults


def one_fault(rng: random.Random, route: Route, carrier: Route) -> Fault:
    kinds = [kind for kind in KINDS if route is carrier or kind not in ONLY_BYTES]
    kind = rng.choices(kinds, [KINDS[one] for one in kinds])[0]
    return Fault(
        route,
        cast("Kind", kind),
        at=rng.choice([0.0, 1.0, rng.random(), rng.random()]),
        nth=rng.choice([1, 1, 1, 2, rng.randint(1, 6)]),
        times=rng.choice([1, 1, 2]),
        status=rng.choice([*STATUSES, 502]),
        when=rng.choice(WHENS),
    )


@pytest.mark.parametrize("seed", range(200))
def test_whatever_goes_wrong(seed: int, faulty: FaultyCloud) -> None:
    form, method, faults = chance(seed)
    faulty.image = make_image(faulty.image.parent, form, seed)
    run = upload(faulty, *faults, method=method)
    assert run.returncode == 0 or faulty.proxy.met, told(run, faulty.proxy)


def test_nothing_but_the_message_is_written(faulty: FaultyCloud) -> None:
    """The same in JSON: an error object, with its code and status."""
    faulty.proxy.inject(Fault(Route.DATA, "status", status=413))
    run = imgtool_here(
        "upload", faulty.image, "--cloud", "devcloud-member", "--name", faulty.name, "--output", "json"
    )
    assert run.returncode == 6
    assert '"code": "cloud-failed"' in run.stdout + run.stderr
    assert WORDS[413] in run.stdout + run.stderr
    assert faulty.ours() == []
