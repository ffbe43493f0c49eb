"""Lines in a terminal of any width: nothing is lost, and what can be pasted stays in one piece."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgtool.report.as_text.fitting import columns, fitted
from imgtool.report.as_text.layout import plain, table

FINDING = "  FAIL     guest-agent-enabled    qemu-guest-agent will not start on this machine at all"
FIX = "           fix   `systemctl unmask qemu-guest-agent.service`, in the guest or by virt-customize"
ROW = f"  {'operating system':22} debian 12 x86_64, with a very long remark that goes on and on"


def test_a_line_goes_on_below_its_last_column() -> None:
    assert fitted(FINDING, 80).splitlines() == [
        "  FAIL     guest-agent-enabled    qemu-guest-agent will not start on this",
        f"{' ' * 34}machine at all",
    ]
    assert fitted(ROW, 60).splitlines()[1].startswith(" " * 25 + "remark")


def test_where_that_is_too_far_to_the_right_the_last_column_is_a_line_of_its_own() -> None:
    assert fitted(FINDING, 60).splitlines() == [
        "  FAIL     guest-agent-enabled",
        f"{' ' * 11}qemu-guest-agent will not start on this machine",
        f"{' ' * 11}at all",
    ]


def test_a_command_stays_in_one_piece() -> None:
    assert fitted(FIX, 60).splitlines() == [
        "           fix   `systemctl unmask qemu-guest-agent.service`,",
        f"{' ' * 17}in the guest or by virt-customize",
    ]


def test_what_fits_and_what_is_no_terminal_stay_as_they_are() -> None:
    assert fitted(FINDING, 200) == FINDING
    assert fitted(FINDING * 9, None) == FINDING * 9
    assert fitted("", 60) == ""


def test_colours_take_no_room() -> None:
    painted = f"  \x1b[31mFAIL\x1b[0m     {'x' * 20}    {'y' * 20}"
    assert fitted(painted, 60) == painted
    assert columns(painted) == 55


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("日本", 4), ("e\u0301", 1), ("\x1b[1mé\x1b[0m", 1)])
def test_columns_of_a_text(text: str, width: int) -> None:
    assert columns(text) == width


@given(st.text(st.sampled_from("ab `日\x1b"), max_size=200), st.integers(40, 120))
def test_only_blanks_are_changed(text: str, width: int) -> None:
    text = text.replace("\x1b", "\x1b[31m")
    done = fitted(text, width)
    assert re.sub(r"\s", "", done) == re.sub(r"\s", "", text)
    for line in done.splitlines():
        words = re.findall(r"(?:`[^`]+`|\S)+", line)
        assert columns(line) <= width or len(words) <= 2


def test_a_table_takes_from_its_widest_columns() -> None:
    rows = [("golden", "/srv/images/of/a/long/path/golden.raw", "qcow2, zlib")]
    wide = table(("image", "source", "to"), rows, plain)
    assert rows[0][1] in wide[1]
    narrow = table(("image", "source", "to"), rows, plain, 40)
    assert max(map(len, narrow)) <= 40
    assert ".../path/golden.raw" in narrow[1]
    assert narrow[1].startswith("golden ")
    assert len(table(("image", "source", "to"), rows, plain, 3)[1]) <= 3 * 8 + 4
