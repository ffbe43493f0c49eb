from imgtool import errors
from imgtool.errors import ImgtoolError


def all_errors(base: type[ImgtoolError] = ImgtoolError) -> list[type[ImgtoolError]]:
    return [one for child in base.__subclasses__() for one in (child, *all_errors(child))]


def test_exit_statuses_are_the_documented_ones() -> None:
    statuses = {
        error.code: error.exit_status
        for error in all_errors(ImgtoolError)
        if error.__module__ == errors.__name__
    }
    assert statuses == {
        "usage": 2,
        "image-unreadable": 3,
        "not-fetched": 3,
        "image-unsafe": 3,
        "format-mismatch": 3,
        "tool-missing": 4,
        "tool-failed": 4,
        "conversion-failed": 5,
        "verification-failed": 5,
        "output-failed": 5,
        "cloud-failed": 6,
        "reader-gone": 130,
        "interrupted": 130,
    }


def test_an_error_says_what_happened_and_what_to_do() -> None:
    error = errors.ImageUnreadableError("a.raw: is empty", hint="copy it again")
    assert (str(error), error.message, error.hint) == ("a.raw: is empty", "a.raw: is empty", "copy it again")
