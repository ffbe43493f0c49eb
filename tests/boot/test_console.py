import io

import pytest

from imgtool.boot import console
from imgtool.boot.console import FIRST_LINES, LAST_LINES, ConsoleLog


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(clock: Clock) -> ConsoleLog:
    return ConsoleLog(clock)


def test_a_line_has_the_time_at_which_it_ended(log: ConsoleLog, clock: Clock) -> None:
    log.feed(b"first\r\nsec")
    clock.seconds = 2.5
    log.feed(b"ond\nlogin: ")
    assert log.lines == [(0.0, "first"), (2.5, "second")]
    assert log.text == "first\nsecond\nlogin: "


def test_what_is_unfinished_at_the_end_is_a_line_too(log: ConsoleLog) -> None:
    log.feed(b"debian login: ")
    log.close()
    assert [text for _, text in log.lines] == ["debian login: "]


def test_the_tail_is_printable_and_has_no_empty_lines(log: ConsoleLog) -> None:
    log.feed(b"gone\n\x1b[2J\x1b[01;01Hdrawn\x1b[0m\n\n\x1b]0;title\x07\nplain\tword\n\xff\xfelast")
    assert log.tail(3) == ("\\x1b]0;title\\x07", "plain word", "\N{REPLACEMENT CHARACTER}" * 2 + "last")
    assert log.tail(100)[1] == "drawn"


def test_of_a_guest_that_never_stops_the_first_and_the_last_lines_are_kept(log: ConsoleLog) -> None:
    count = console.FIRST_LINES + 2 * console.LAST_LINES
    log.feed(b"".join(b"%d\n" % number for number in range(count)))
    assert len(log.lines) == console.FIRST_LINES + console.LAST_LINES
    assert (log.lines[0][1], log.lines[-1][1]) == ("0", str(count - 1))


def test_it_is_read_on_from_where_somebody_stopped(log: ConsoleLog) -> None:
    log.feed(b"one\ntwo\n# ")
    assert (log.since(0), log.since(1), log.since(log.count)) == (["one", "two"], ["two"], [])
    assert log.unfinished == "# "
    log.feed(b"\n" * (FIRST_LINES + LAST_LINES))
    log.feed(b"end\n")
    assert log.since(0) == [line for _, line in log.lines]
    assert log.since(log.count - 2) == ["", "end"]
    forgotten = log.count - FIRST_LINES - LAST_LINES
    assert log.since(forgotten) == [line for _, line in log.lines][forgotten:]


@pytest.mark.parametrize("piece", [b"\r", b"\x1b[", b"\x1b[0;", b"\xff", b"\n", b"\r\n\r"], ids=repr)
def test_no_flood_takes_longer_than_its_length(piece: bytes, log: ConsoleLog) -> None:
    """Where it took the square of it, these two megabytes would take hours."""
    for _ in range(32):
        log.feed(piece * (65536 // len(piece)))
    log.tail(40)


def test_a_line_without_an_end_is_broken(log: ConsoleLog) -> None:
    log.feed(b"x" * (console.MAX_LINE_CHARACTERS * 3))
    log.close()
    assert {len(text) for _, text in log.lines} == {console.MAX_LINE_CHARACTERS}


def test_the_kept_log_is_whole_printable_and_has_times(clock: Clock) -> None:
    kept = io.StringIO()
    log = ConsoleLog(clock, kept)
    clock.seconds = 12.3456
    log.feed(b"\x1b[31mred\x1b[0m\r\nbell\x07\nend")
    log.close()
    assert kept.getvalue() == "[  12.346] red\n[  12.346] bell\\x07\n[  12.346] end\n"


def test_the_kept_log_has_an_end(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "MAX_KEPT_BYTES", 1000)
    kept = io.StringIO()
    log = ConsoleLog(clock, kept)
    log.feed(b"a line of some length\n" * 1000)
    assert len(kept.getvalue()) < 1100
