"""Waits until the agent answers, or nothing more can be hoped for; then asks it."""

from contextlib import suppress
from dataclasses import dataclass

from imgtool.boot import agent
from imgtool.boot.agent import AgentError
from imgtool.boot.qemu import Guest
from imgtool.boot.watch import ConsoleMonitor
from imgtool.model.boot import AgentFacts
from imgtool.model.facts import Unknown

GREET_SECONDS = 5.0
"""Between two greetings. One that was sent before the agent runs waits for it in the channel."""

ANSWER_SECONDS = 20.0
"""For each command: the agent of an emulated guest is slow."""

SETTLE_SECONDS = 90.0
"""How long cloud-init may go on after the agent answered, at least: the root grows meanwhile."""

_TURN_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class BootOutcome:
    """How the waiting ended."""

    answered: bool
    seconds: float
    timed_out: bool = False
    """There was no more time, or no more hope: whatever was still to come does not come."""


def until_it_answers(guest: Guest, watch: ConsoleMonitor, timeout_seconds: float) -> BootOutcome:
    """Wait for the agent; shorter where the console shows that it will never answer."""
    next_greeting = 0.0
    while guest.running:
        now = guest.seconds()
        if now >= timeout_seconds or watch.silent:
            return BootOutcome(answered=False, seconds=now, timed_out=True)
        if watch.failed:
            break
        if now >= next_greeting:
            guest.agent.greet()
            next_greeting = now + GREET_SECONDS
        with suppress(AgentError):  # nonsense from a channel on which nobody greeted us yet
            guest.turn(min(_TURN_SECONDS, timeout_seconds - now))
        if guest.agent.greeted() and not isinstance(guest.ask("guest-ping", ANSWER_SECONDS), Unknown):
            return BootOutcome(answered=True, seconds=guest.seconds())
        watch.look()
    return BootOutcome(answered=False, seconds=guest.seconds())


def until_it_settles(guest: Guest, watch: ConsoleMonitor, timeout_seconds: float) -> None:
    """Wait for the end of cloud-init's first boot, for what is left of the time since power-on."""
    deadline = max(timeout_seconds, guest.seconds() + SETTLE_SECONDS)
    while guest.running and guest.seconds() < deadline and not watch.cloud_init_over:
        with suppress(AgentError):
            guest.turn(_TURN_SECONDS)
        watch.look()


def ask_all(guest: Guest) -> AgentFacts:
    """What the agent says of its guest. One that falls silent is asked no more."""
    answers = {}
    silent: Unknown | None = None
    for command in agent.COMMANDS:
        if silent is None:
            answers[command] = guest.ask(command, ANSWER_SECONDS)
            if guest.gave_up:
                silent = Unknown("the agent stopped answering")
        else:
            answers[command] = silent
    return agent.read(answers)
