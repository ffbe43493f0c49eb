"""The boots of an image to scale: how long each stage took, and where one stopped.

Places and widths are percentages of the longest boot; what is too short to be seen is drawn a little wider.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from imgtool.model.boot import STAGES, BootResult, Stage
from imgtool.report.as_html.picture import CHARACTERS, LEAST_PERCENT

AGENT: Stage = "agent"


@dataclass(frozen=True, slots=True)
class Bar:
    """One stage."""

    stage: str
    colour: int
    start: float
    width: float
    began_seconds: float
    took_seconds: float
    stopped: bool
    """It is the one in which the boot stopped."""

    @property
    def middle(self) -> float:
        """Where its label stands."""
        return self.start + self.width / 2

    @property
    def label(self) -> str:
        """What fits in it, perhaps nothing."""
        return self.stage if len(self.stage) <= self.width * CHARACTERS / 100 else ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """One boot."""

    hardware: str
    answered: bool
    seconds: float
    end: str
    """How it ended, in a line."""
    bars: tuple[Bar, ...]
    log: tuple[str, ...]
    """The end of the serial log, of a boot that failed."""


def timelines(boots: Sequence[BootResult]) -> tuple[Timeline, ...]:
    """One for each boot, all on one scale."""
    longest = max((one.seconds for one in boots), default=0.0)
    return tuple(_timeline(one, longest or 1.0) for one in boots)


def _timeline(boot: BootResult, longest: float) -> Timeline:
    return Timeline(
        hardware=f"{boot.bus}, {boot.firmware}, {boot.accelerator}",
        answered=boot.answered,
        seconds=boot.seconds,
        end=_end(boot),
        bars=tuple(_bars(boot, longest)),
        log=() if boot.answered else boot.log,
    )


def _end(boot: BootResult) -> str:
    if boot.answered:
        return "qemu-guest-agent answers"
    if boot.diagnosis is None:
        return "QEMU ended before the agent answered"
    return f"{boot.diagnosis.cause} (at the stage {boot.diagnosis.stage})"


def _bars(boot: BootResult, longest: float) -> Iterator[Bar]:
    """The agent's answer is the end of the last bar, and has none of its own."""
    began = [(one.stage, one.seconds) for one in boot.stages if one.stage != AGENT]
    last = began[-1][0] if began else None
    for (stage, start), (_, end) in pairwise([*began, (AGENT, max(boot.seconds, 0.0))]):
        width = min(max(LEAST_PERCENT, 100 * (end - start) / longest), 100)
        yield Bar(
            stage=stage.replace("-", " "),
            colour=STAGES.index(stage),
            start=round(max(0.0, min(100 * start / longest, 100 - width)), 3),
            width=round(width, 3),
            began_seconds=start,
            took_seconds=max(0.0, end - start),
            stopped=not boot.answered and stage == last,
        )
