"""How uploads into several clouds leave."""

import json
from dataclasses import replace

import pytest
from support import facts

from imgtool.cli import outcome
from imgtool.errors import CloudError, VerificationError
from imgtool.model.delivery import GlanceTarget, UploadFailure, UploadPlan, UploadResult
from imgtool.model.result import ImageResult
from imgtool.report import as_json

PLAN = UploadPlan("one", facts.image(), "raw", 2, GlanceTarget("debian"), ())
DONE = UploadResult(PLAN, "an-id", "active", 512, "sha512", "abcd", "raw", 1.0)
REFUSED = UploadFailure(replace(PLAN, cloud="two"), "two: the store is full", "make room", 6)
DIFFERS = UploadFailure(replace(PLAN, cloud="three"), "the hash differs", "again", 5, "verification-failed")


def test_all_well_is_0(capsys) -> None:
    assert outcome.leave(ImageResult(uploads=(DONE, DONE)), "text", as_json.delivered) == 0
    shown = capsys.readouterr()
    assert shown.out.count("an-id (active)") == 2
    assert not shown.err


@pytest.mark.parametrize(("failure", "kind"), [(REFUSED, CloudError), (DIFFERS, VerificationError)])
def test_an_only_cloud_that_failed_is_the_error_itself(failure: UploadFailure, kind, capsys) -> None:
    with pytest.raises(kind) as raised:
        outcome.leave(ImageResult(uploads=(failure,)), "json", as_json.delivered)
    assert (raised.value.message, raised.value.hint) == (failure.message, failure.hint)
    assert not capsys.readouterr().out


@pytest.mark.parametrize(("failure", "status"), [(REFUSED, 6), (DIFFERS, 5)])
def test_one_of_several_tells_both_and_ends_with_the_failure(
    failure: UploadFailure, status: int, capsys
) -> None:
    assert outcome.leave(ImageResult(uploads=(DONE, failure)), "text", as_json.delivered) == status
    shown = capsys.readouterr()
    assert "an-id (active)" in shown.out
    assert failure.message in shown.out
    assert f"imgtool: error: 1 of 2 clouds did not get the image: {failure.plan.cloud}: " in shown.err
    assert failure.hint in shown.err


def test_under_json_it_is_one_document_with_the_error_in_it(capsys) -> None:
    told = ImageResult(uploads=(REFUSED, DONE, DIFFERS))
    assert outcome.leave(told, "json", as_json.delivered) == 6
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    assert found["error"]["code"] == "cloud-failed"
    assert "2 of 3 clouds" in found["error"]["message"]
    assert [set(one) == {"cloud", "error"} for one in found["uploads"]] == [True, False, True]
    assert found["uploads"][2]["error"] == {
        "code": "verification-failed", "message": "the hash differs", "hint": "again",
    }  # fmt: skip
    assert "2 of 3 clouds" in shown.err
