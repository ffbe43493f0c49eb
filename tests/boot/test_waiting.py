"""When the waiting ends, and how. Each guest is a program of the tests."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from imgtool.boot import waiting, watch
from imgtool.boot.qemu import Guest
from imgtool.boot.watch import ConsoleMonitor
from imgtool.model.boot import StageTime
from imgtool.model.facts import Known, Unknown

Play = Callable[..., AbstractContextManager[Guest]]
ENOUGH_SECONDS = 60.0
STAYS = f"wait {ENOUGH_SECONDS}"
KERNEL = "console '[    0.000000] Linux version 6.1.0-41-cloud-amd64 (debian-kernel@lists.debian.org)\\n'"
PANIC = (
    "console '[    1.0] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\\n'"
)
LOGIN = "console '\\r\\nDebian GNU/Linux 12 host ttyS0\\r\\n\\r\\nhost login: '"
FINISHED = (
    "console 'Cloud-init v. 22.4.2 finished at Mon, 23 Nov 2026 00:00:00 +0000. "
    "Datasource DataSourceConfigDrive [net,ver=2][source=/dev/vdb].  Up 9.31 seconds\\n'"
)


@pytest.fixture(autouse=True)
def sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same waiting, only shorter."""
    monkeypatch.setattr(watch, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(watch, "LOGIN_SECONDS", 0.3)
    monkeypatch.setattr(watch, "LAST_SECONDS", 0.1)
    monkeypatch.setattr(waiting, "_TURN_SECONDS", 0.05)


def wait(
    guest: Guest, told: list[StageTime] | None = None, seconds: float = ENOUGH_SECONDS
) -> waiting.BootOutcome:
    return waiting.until_it_answers(
        guest, ConsoleMonitor(guest, (told if told is not None else []).append), seconds
    )


def test_an_agent_that_answers(play: Play) -> None:
    with play(KERNEL, "answer") as guest:
        found = wait(guest)
    assert (found.answered, found.timed_out) == (True, False)


def test_nonsense_on_the_channel_before_the_agent_is_passed_over(play: Play) -> None:
    nonsense = "channel " + repr("\x00\xff{}\n" * 10_000)
    with play(*[nonsense] * 8, "channel 'half a line'", "answer") as guest:
        assert wait(guest).answered


def test_a_guest_that_never_answers_has_its_time(play: Play) -> None:
    with play(KERNEL, STAYS) as guest:
        found = wait(guest, seconds=0.5)
    assert (found.answered, found.timed_out) == (False, True)
    assert found.seconds >= 0.5


def test_a_panic_is_not_waited_for(play: Play) -> None:
    with play(KERNEL, PANIC, STAYS) as guest:
        found = wait(guest)
    assert (found.answered, found.timed_out) == (False, False)


def test_what_looked_like_the_end_and_was_not_is_forgotten(play: Play) -> None:
    prompt = "console 'BdsDxe: No bootable option or device was found.\\n'"
    with play(prompt, "wait 0.2", KERNEL, "wait 0.5", "answer") as guest:
        looking = ConsoleMonitor(guest, lambda _: None)
        while "Linux version" not in guest.log.text:
            guest.turn(0.05)
        looking.look(now=True)
        assert not looking.failed
        assert wait(guest).answered


def test_a_login_prompt_without_an_agent_is_the_end_after_a_while(play: Play) -> None:
    with play(KERNEL, LOGIN, STAYS) as guest:
        found = wait(guest)
    assert (found.answered, found.timed_out) == (False, True)


def test_a_guest_that_switched_itself_off(play: Play) -> None:
    with play(KERNEL, "exit 0") as guest:
        found = wait(guest)
    assert (found.answered, found.timed_out) == (False, False)


def test_each_stage_is_told_once_and_when_it_is_reached(play: Play) -> None:
    told: list[StageTime] = []
    with play("console 'SeaBIOS (version 1.16)\\n'", KERNEL, "wait 0.3", LOGIN, STAYS) as guest:
        wait(guest, told)
    assert [one.stage for one in told][:2] == ["firmware", "kernel"]
    assert len({one.stage for one in told}) == len(told)


def test_cloud_init_is_waited_for(play: Play) -> None:
    with play(
        "console \"Cloud-init v. 22.4.2 running 'init' at now. Up 3 seconds.\\n\"",
        "wait 0.3",
        FINISHED,
        STAYS,
    ) as guest:
        looking = ConsoleMonitor(guest, lambda _: None)
        waiting.until_it_settles(guest, looking, ENOUGH_SECONDS)
    assert isinstance(looking.cloud_init, Known)
    assert looking.cloud_init.value.done
    assert looking.cloud_init.value.datasource == "DataSourceConfigDrive"


def test_a_cloud_init_that_says_nothing_is_not_waited_for_after_a_login_prompt(play: Play) -> None:
    with play(LOGIN, STAYS) as guest:
        looking = ConsoleMonitor(guest, lambda _: None)
        waiting.until_it_settles(guest, looking, ENOUGH_SECONDS)
    assert isinstance(looking.cloud_init, Unknown)


def test_cloud_init_has_its_time_too(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "SETTLE_SECONDS", 0.2)
    with play("console \"Cloud-init v. 22.4.2 running 'init' at now. Up 3 seconds.\\n\"", STAYS) as guest:
        waiting.until_it_settles(guest, ConsoleMonitor(guest, lambda _: None), 0.3)


def test_what_the_agent_knows_and_refuses(play: Play) -> None:
    with play("answer") as guest:
        assert wait(guest).answered
        found = waiting.ask_all(guest)
    assert found.version == Known("9.9", "guest-info")
    assert found.fsfreeze_status == Known("thawed", "guest-fsfreeze-status")
    assert isinstance(found.os_id, Unknown)
    assert "guest-get-osinfo is not known" in found.os_id.reason


def test_an_agent_that_falls_silent_is_asked_no_more(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imgtool.boot.waiting.ANSWER_SECONDS", 0.2)
    with play(STAYS) as guest:
        found = waiting.ask_all(guest)
    assert found.version == Unknown("guest-info: no answer")
    assert found.fsfreeze_status == Unknown("the agent stopped answering")
