import io
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from imgtool.boot.qemu import Guest, started
from imgtool.errors import ToolFailedError, ToolMissingError
from imgtool.model.facts import Unknown

Play = Callable[..., AbstractContextManager[Guest]]
ENOUGH_SECONDS = 60.0
STAYS = f"wait {ENOUGH_SECONDS}"


def until(guest: Guest, seen: Callable[[], Any]) -> None:
    """Read until it is seen; a guest that never shows it fails the test."""
    while not seen():
        assert guest.seconds() < ENOUGH_SECONDS
        guest.turn(1)


def test_the_console_is_read_and_kept(play: Play) -> None:
    kept = io.StringIO()
    with play("console 'first\\r\\nlogin: '", STAYS, keep=kept) as guest:
        until(guest, lambda: "login" in guest.log.text)
        assert guest.running
    assert guest.log.text.splitlines() == ["first", "login: "]
    assert [line[11:] for line in kept.getvalue().splitlines()] == ["first", "login:"]


def test_an_agent_is_greeted_and_asked(play: Play) -> None:
    with play("answer") as guest:
        guest.agent.greet()
        until(guest, guest.agent.greeted)
        assert guest.ask("guest-ping", ENOUGH_SECONDS) == {}
        assert guest.ask("guest-fsfreeze-status", ENOUGH_SECONDS) == "thawed"
        refused = guest.ask("guest-exec", ENOUGH_SECONDS)
        assert refused == Unknown("guest-exec: guest-exec is not known\\x1b[2J")
        assert not guest.gave_up


def test_a_command_without_an_answer_is_given_up(play: Play) -> None:
    with play(STAYS) as guest:
        assert guest.ask("guest-ping", 0.2) == Unknown("guest-ping: no answer")
        assert guest.gave_up


def test_an_answer_without_an_end_is_no_answer(play: Play) -> None:
    with play(*["channel " + repr("x" * 60_000)] * 20, STAYS) as guest:
        found = guest.ask("guest-info", ENOUGH_SECONDS)
    assert isinstance(found, Unknown)
    assert "without an end" in found.reason


def test_a_guest_that_switches_itself_off_is_seen_with_its_last_words(play: Play) -> None:
    with play("console 'reboot: Power down\\n'", "exit 0") as guest:
        while guest.running:
            guest.turn(1)
    assert "Power down" in guest.log.text


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (
            ("stderr 'first\\nno such device\\x1b[2J\\n'", "exit 1"),
            r"failed with status 1: no such device\\x1b\[2J",
        ),
        (("exit 3",), "failed with status 3: it said nothing"),
    ],
)
def test_qemu_s_own_failure_tells_what_it_said_last(
    script: tuple[str, ...], message: str, play: Play
) -> None:
    with pytest.raises(ToolFailedError, match=f"QEMU {message}"), play(*script) as guest:
        while guest.running:
            guest.turn(1)


def test_nothing_stays_when_the_block_ends(play: Play) -> None:
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(ZeroDivisionError), play(STAYS) as guest:
        pid = guest._child.pid
        assert Path(f"/proc/{pid}").exists()
        raise ZeroDivisionError
    assert not Path(f"/proc/{pid}").exists()
    assert set(os.listdir("/proc/self/fd")) == before


def test_an_emulator_that_is_missing() -> None:
    with pytest.raises(ToolMissingError), started("no-such-emulator", lambda *_: [], ()):
        pytest.fail("it was started")


def test_it_may_not_write_without_limit_nor_leave_a_core(play: Play) -> None:
    with play("console 'it runs'", STAYS) as guest:
        until(guest, lambda: guest.log.text)
        limits = Path(f"/proc/{guest._child.pid}/limits").read_text()
    found = {line[:26].strip(): line[26:47].strip() for line in limits.splitlines()[1:]}
    assert int(found["Max file size"]) <= 16 << 30
    assert found["Max core file size"] == "0"
