"""How a batch goes, as a person sees it: a line for each image, one bar for all, one for each worker."""

import pytest
from support.batches import task

from imgtool.cli.batch_run import BatchBars
from imgtool.model.batch import TaskRecord


def told(bars: BatchBars) -> None:
    """One is made, one is refused."""
    one, two = task("one"), task("two\x1b]0;x")
    bars.begin(2, 1)
    for event in (
        {"attempt": 1},
        {"stage": "convert", "detail": ""},
        {"meter": "convert", "done": 512, "total": 1024},
    ):
        bars.event(one, event)
    bars.ended(one, TaskRecord("one", "done", seconds=1.25))
    bars.event(two, {"attempt": 1})
    bars.ended(two, TaskRecord("two", "refused", message="has a \x1bbacking file"))
    bars.notice("the end\x07")
    bars.close()


def test_without_a_terminal_there_are_lines_and_no_bars(capsys: pytest.CaptureFixture[str]) -> None:
    told(BatchBars("auto"))
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "batch    2 images, 1 at a time",
        "[1/2] done one, 1.2 s",
        "[2/2] refused two\\x1b]0;x: has a \\x1bbacking file",
        "batch    the end\\x07",
    ]


def test_always_shows_a_bar_for_all_and_one_for_the_worker(capsys: pytest.CaptureFixture[str]) -> None:
    told(BatchBars("always"))
    said = capsys.readouterr().err
    assert "batch: " in said
    assert "2/2" in said
    assert "512/1.00k" in said
    assert "convert" in said
    assert "[1/2] done one, 1.2 s\n" in said
    assert "\x1b]0;x" not in said


def test_never_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    told(BatchBars("never"))
    assert capsys.readouterr() == ("", "")


def test_an_event_of_an_image_that_has_no_bar_is_passed_over(capsys: pytest.CaptureFixture[str]) -> None:
    bars = BatchBars("always")
    bars.begin(1, 1)
    bars.event(task("one"), {"stage": "convert", "detail": ""})
    bars.close()
    assert "convert" not in capsys.readouterr().err


def test_another_attempt_takes_the_same_bar(capsys: pytest.CaptureFixture[str]) -> None:
    bars = BatchBars("always")
    bars.begin(1, 1)
    for number in (1, 2):
        bars.event(task("one"), {"attempt": number})
        bars.event(task("one"), {"stage": f"try{number}", "detail": ""})
    bars.ended(task("one"), TaskRecord("one", "done"))
    bars.close()
    assert "try2" in capsys.readouterr().err
