"""Where a boot stopped, and why, by its serial log alone; pure.

The log is the guest's: what comes out of it is printable, and an image that lies in it deceives only about
its own failure. That an image came up is for its agent to say.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from imgtool.boot.diagnosis.rules import FAILURES, Rule, Words, may_take_back
from imgtool.boot.diagnosis.silence import LOGIN, standstill
from imgtool.boot.diagnosis.stages import later, plain_lines, reached, stage_of
from imgtool.model.boot import STAGES, CloudInitRun, Diagnosis, Stage, StageTime
from imgtool.model.facts import Fact, Known, Unknown

EVIDENCE_LINES = 8
MAX_WITHDRAWALS, MAX_LATER_LINES = 50, 2000
"""As many lines that may be taken back, and that may take them back, are compared with each other."""
_CLOUD_INIT = re.compile(r"Cloud-init v\. \S+ (?P<what>running|finished)(?:.*Datasource (?P<source>\w+))?")


@dataclass(frozen=True, slots=True)
class Failure:
    """A line of the log that a rule speaks of."""

    rule: Rule
    index: int
    """Of the line."""
    stage: Stage
    """In which it failed."""


def diagnose(log: str, *, answered: bool, timed_out: bool) -> Diagnosis | None:
    """Where and why the boot with this serial log stopped; None where the agent answered.

    Before its time is over, None as well while the boot may still go on: a diagnosis is then final, and
    there is nothing more to wait for.
    """
    if answered:
        return None
    lines = plain_lines(log)
    latest = reached(lines)
    found = [
        Failure(rule, index, _stage(rule, latest[index]))
        for index, line in enumerate(lines)
        for rule in FAILURES
        if rule.mark.search(line)
    ]
    standing = _not_withdrawn([one for one in found if not _overcome(one, latest[-1])], lines)
    if standing and (timed_out or any(one.rule.final for one in standing)):
        return _by_rule(standing, lines)
    return _by_silence(lines, latest) if timed_out else None


def login_prompt(log: str) -> bool:
    """The system is up: who has not answered some time after that does not answer."""
    return any(LOGIN.search(line) for line in plain_lines(log))


def stages_of(lines: Iterable[tuple[float, str]]) -> tuple[StageTime, ...]:
    """When each stage began; `lines` are (seconds since power-on, text of the serial log), in order.

    The first line of all is the firmware's, where no boot loader or kernel is recognised in it.
    """
    began: dict[Stage, float] = {}
    for seconds, text in lines:
        for line in plain_lines(text):
            stage = stage_of(line) or ("firmware" if not began else None)
            if stage is not None and all(later(stage, one) for one in began):
                began[stage] = seconds
    return tuple(StageTime(stage, began[stage]) for stage in STAGES if stage in began)


def cloud_init_of(log: str) -> Fact[CloudInitRun]:
    """What cloud-init said on the console; unknown where it said nothing there."""
    said = [(line, match) for line in plain_lines(log) if (match := _CLOUD_INIT.search(line))]
    if not said:
        return Unknown("cloud-init says nothing on the serial console")
    done = [(line, match) for line, match in said if match["what"] == "finished"]
    line, match = (done or said)[-1]
    return Known(CloudInitRun(done=bool(done), datasource=match["source"]), line)


def _stage(rule: Rule, latest: Stage | None) -> Stage:
    """Return the stage in which the boot failed."""
    return latest if rule.or_later and latest is not None and later(latest, rule.stage) else rule.stage


def _overcome(failure: Failure, latest: Stage | None) -> bool:
    """The boot went on to a later stage than the one that failed."""
    return latest is not None and later(latest, failure.stage)


def _not_withdrawn(found: Sequence[Failure], lines: Sequence[str]) -> list[Failure]:
    """Return those that no later line takes back. A log may repeat itself: its last words count."""
    said = {lines[one.index]: one for one in found if one.rule.withdrawn is not None}
    looked_at = list(said.values())[-MAX_WITHDRAWALS:]
    later_lines = [index for index, line in enumerate(lines) if looked_at and may_take_back(line)]
    later_lines = later_lines[-MAX_LATER_LINES:]
    standing = {one for one in looked_at if not _withdrawn(one, lines, later_lines)}
    return [one for one in found if one.rule.withdrawn is None or one in standing]


def _withdrawn(failure: Failure, lines: Sequence[str], later_lines: Sequence[int]) -> bool:
    match, taken_back = failure.rule.mark.search(lines[failure.index]), failure.rule.withdrawn
    if match is None or taken_back is None:
        return False
    return any(taken_back(match, lines[index]) for index in later_lines if index > failure.index)


def _by_rule(standing: Sequence[Failure], lines: Sequence[str]) -> Diagnosis:
    first = min(standing, key=lambda one: FAILURES.index(one.rule))
    match = first.rule.mark.search(lines[first.index])
    return Diagnosis(
        stage=first.stage,
        cause=_said(first.rule.cause, match, lines),
        evidence=_evidence([first.index, *(one.index for one in standing)], lines),
        remedy=_said(first.rule.remedy, match, lines),
        timed=any(one.rule.timed for one in standing),
    )


def _by_silence(lines: Sequence[str], latest: Sequence[Stage | None]) -> Diagnosis:
    found = standstill(lines, latest[-1] if latest else None)
    return Diagnosis(found.stage, found.cause, _evidence([], lines), found.remedy, found.timed)


def _evidence(telling: Sequence[int], lines: Sequence[str]) -> tuple[str, ...]:
    """The lines that tell, each once, the one that tells most first; then the last ones of the log."""
    told = list(dict.fromkeys(lines[index] for index in telling))[: EVIDENCE_LINES // 2]
    after = max(telling, default=-1) + 1
    last = [line for line in lines[after:] if line not in told]
    return (*told, *last[len(told) - EVIDENCE_LINES :])


def _said(words: Words, match: re.Match[str] | None, lines: Sequence[str]) -> str:
    return words(match, lines) if callable(words) and match is not None else str(words)
