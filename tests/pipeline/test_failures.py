"""What several clouds failed with, as one error."""

from dataclasses import replace

from support import facts

from imgtool.errors import CloudError, VerificationError
from imgtool.model.delivery import GlanceTarget, UploadFailure, UploadPlan, UploadResult
from imgtool.model.result import ImageResult
from imgtool.pipeline.failures import failed

PLAN = UploadPlan("one", facts.image(), "raw", 2, GlanceTarget("debian"), ())
DONE = UploadResult(PLAN, "an-id", "active", 512, "sha512", "abcd", "raw", 1.0)
DIFFERS = UploadFailure(replace(PLAN, cloud="three"), "the hash differs", "again", 5, "verification-failed")


def test_where_all_is_well_there_is_none() -> None:
    assert failed(ImageResult(uploads=(DONE,))) is None


def test_of_several_it_says_how_many_and_which() -> None:
    error = failed(ImageResult(uploads=(DONE, DIFFERS)))
    assert isinstance(error, VerificationError)
    assert str(error) == "1 of 2 clouds did not get the image: three: the hash differs"


def test_a_code_that_does_not_fit_gives_way_to_the_status() -> None:
    odd = replace(DIFFERS, code="cloud-failed")
    assert isinstance(failed(ImageResult(uploads=(odd,))), VerificationError)
    unknown = replace(DIFFERS, code="new-code", exit_status=6)
    assert isinstance(failed(ImageResult(uploads=(unknown,))), CloudError)
