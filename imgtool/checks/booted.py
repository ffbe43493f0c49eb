"""What the checks of a boot share: they judge the boots that were run, and what a policy can ask of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from imgtool.checks.check import Check, Parameters, Verdict, failed, passed, skipped, unknown
from imgtool.model.boot import BootResult, Bus, Diagnosis
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Severity

TRY_AGAIN = "boot it again where less runs beside it, or by KVM (`imgtool doctor` says whether it works here)"
REMEDY = "`imgtool boot IMAGE --keep-log PATH` keeps all that the guest said on its serial console"


@dataclass(frozen=True, slots=True)
class Booted(Parameters):
    """What a policy can set."""

    required: bool = False
    """Unknown, not skipped, where no boot was run."""


Judge = Callable[[Inspection, Sequence[BootResult]], Verdict]


def check_of_boots(
    name: str, judge: Judge, *, bus: Bus | None = None, severity: Severity = Severity.ERROR
) -> Check:
    """A check that applies `judge` to the boots on `bus`, or to all of them where it is None."""

    def examine(inspection: Inspection, parameters: Booted) -> Verdict:
        boots = [one for one in inspection.boots if bus is None or one.bus == bus]
        return judge(inspection, boots) if boots else _without(bus, parameters)

    return Check(name, severity, examine, Booted(), after_boot=True)


def _without(bus: Bus | None, parameters: Booted) -> Verdict:
    on = f" on {bus}" if bus else ""
    if not parameters.required:
        return skipped(f"the image was not booted{on}: `--boot` does it once all other checks let it pass")
    verdict = unknown(f"the policy requires a boot{on}, and none was run")
    return Verdict(verdict.outcome, verdict.message, "", f"`imgtool check --boot{_option(bus)} IMAGE`")


def _option(bus: Bus | None) -> str:
    return f" --bus {bus}" if bus else ""


def comes_up(boot: BootResult) -> bool:
    """The system is up, whether its agent answers or not."""
    return boot.answered or (boot.diagnosis is not None and boot.diagnosis.stage == "agent")


def judge_bus(_: Inspection, boots: Sequence[BootResult]) -> Verdict:
    """Every boot on one bus ended in a system that is up."""
    stopped = next((one for one in boots if not comes_up(one)), None)
    if stopped is None:
        return passed(f"it comes up on {boots[0].bus}", "; ".join(map(how, boots)))
    return stopped_verdict(stopped, f"it does not come up on {stopped.bus}")


def stopped_verdict(boot: BootResult, message: str) -> Verdict:
    """The failure of one boot: where it stopped, why, and by which lines of its log."""
    found = boot.diagnosis
    if found is None:
        return failed(f"{message}: QEMU ended before that", _evidence(boot, boot.log), REMEDY)
    if boot.doubt is not None:
        verdict = unknown(f"{message}: {_place(found)}; but that is {boot.doubt}")
        return replace(verdict, evidence=_evidence(boot, found.evidence), remedy=TRY_AGAIN)
    return failed(f"{message}: {_place(found)}", _evidence(boot, found.evidence), found.remedy)


def how(boot: BootResult) -> str:
    """Say with which hardware the image booted, and how long it took."""
    return f"{boot.bus}, {boot.firmware}, {boot.accelerator}: {boot.seconds:.1f} s"


def _place(found: Diagnosis) -> str:
    return f"{found.cause} (at the stage {found.stage})"


def _evidence(boot: BootResult, lines: Sequence[str]) -> str:
    return " | ".join((how(boot), *lines))
