"""How a batch goes, as a person sees it: a line for each image that ended, and what is under way."""

import pytest
from support.batches import task

from imgtool.cli.batch_bars import BatchBars, counted
from imgtool.model.batch import TaskRecord


def told(bars: BatchBars) -> None:
    """One is made, one is refused, one was there."""
    one, two, three = task("one"), task("two\x1b]0;x"), task("three")
    bars.begin(3, 1)
    bars.ended(three, TaskRecord("three", "skipped", message="of an earlier run"))
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


def test_without_a_terminal_there_are_lines_alone(capsys: pytest.CaptureFixture[str]) -> None:
    told(BatchBars("auto"))
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "batch    3 images, 1 at a time",
        "[1/3] already there three",
        "[2/3] done one, 1.2 s",
        "[3/3] refused two\\x1b]0;x: has a \\x1bbacking file",
        "batch    the end\\x07",
    ]


def test_never_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    told(BatchBars("never"))
    assert capsys.readouterr() == ("", "")


def drawn(bars: BatchBars, width: int = 80) -> list[str]:
    return list(bars._drawn(width))


def test_what_is_under_way_has_a_line_each_and_there_is_one_for_all() -> None:
    bars = BatchBars("always")
    bars.begin(2, 2)
    for event in ({"attempt": 1}, {"meter": "convert", "done": 512 << 20, "total": 1 << 30}):
        bars.event(task("one"), event)
    bars.event(task("two"), {"attempt": 1})
    one, two, every = drawn(bars)
    bars.close()
    assert one.split()[:3] == ["one", "convert", "50%"]
    assert "/s" in one
    assert two.split()[:2] == ["two", "start"]
    assert every.startswith("batch  0 of 2 images  ")


def test_the_clock_goes_on_through_stages_and_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rate is that of the stage: what an earlier one did is none of it."""
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    bars, one = BatchBars("never"), task("one")
    bars.begin(1, 1)
    bars.event(one, {"attempt": 1})
    bars.event(one, {"meter": "verify", "done": 0, "total": 100 << 20})
    now[0] += 60
    bars.event(one, {"meter": "verify", "done": 100 << 20, "total": 100 << 20})
    bars.event(one, {"attempt": 2})
    bars.event(one, {"stage": "upload", "detail": ""})
    bars.event(one, {"meter": "upload", "done": 0, "total": 20 << 20})
    now[0] += 1
    bars.event(one, {"meter": "upload", "done": 10 << 20, "total": 20 << 20})
    shown = drawn(bars, 120)[0]
    assert "  50%  10.0 MiB/s  01:01  00:01 left  " in shown


def test_what_was_there_is_no_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    bars = BatchBars("never")
    bars.begin(12, 1)
    for number in range(10):
        bars.ended(task(str(number)), TaskRecord(str(number), "skipped"))
    assert "left" not in drawn(bars)[-1]
    now[0] += 30
    bars.ended(task("a"), TaskRecord("a", "done", seconds=30))
    assert "11 of 12 images  00:30  00:30 left  10 already there" in drawn(bars)[-1]


def test_a_narrow_terminal_keeps_name_and_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    bars, one = BatchBars("never"), task("debian-12-generic-amd64-20261101-golden")
    bars.begin(1, 1)
    bars.event(one, {"attempt": 1})
    bars.event(one, {"meter": "convert", "done": 0, "total": 1 << 30})
    now[0] += 4
    bars.event(one, {"meter": "convert", "done": 400 << 20, "total": 1 << 30})
    for width in (45, 60, 80, 120):
        shown = drawn(bars, width)[0]
        assert len(shown) < width
        assert shown.startswith("debi")
        assert "olden  convert    39%  100.0 MiB/s" in shown
    assert "00:04" in drawn(bars, 80)[0]
    assert "#" in drawn(bars, 120)[0]


def test_an_event_of_an_image_that_has_not_begun_is_passed_over() -> None:
    bars = BatchBars("never")
    bars.begin(1, 1)
    bars.event(task("one"), {"stage": "convert", "detail": ""})
    assert len(drawn(bars)) == 1


def test_images_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    with counted("always", "check", 2) as count:
        count.advance(1)
        count.advance(1)
    assert "check  0 of 2 images" in capsys.readouterr().err
    with counted("never", "check", 2) as count:
        count.advance(2)
    assert capsys.readouterr().err == ""
