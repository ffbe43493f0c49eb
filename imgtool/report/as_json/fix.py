"""What was, or would be, repaired, as JSON. The keys are a promise to scripts: add, never rename."""

from typing import TYPE_CHECKING

from imgtool.model.fix import FixResult, Repair, RepairOutcome, SealedRun
from imgtool.model.result import SCHEMA_VERSION
from imgtool.report.as_json.boot import boot
from imgtool.report.as_json.conversion import conversion
from imgtool.report.as_json.values import clean
from imgtool.report.as_json.verdict import judgement

if TYPE_CHECKING:
    from imgtool.report.documents import verdicts


def document(result: FixResult) -> "verdicts.Fixed":
    """`imgtool fix`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "image": clean(result.source),
        **on_the_way(result),
        "after": None if result.after is None else judgement(result.after)["findings"],
        "boots": [boot(one) for one in result.boots],
        "conversion": None if result.conversion is None else conversion(result.conversion),
    }


def on_the_way(result: FixResult) -> "verdicts.Repaired":
    """What was repaired before an upload; what the checks and a boot say afterwards stands beside it."""
    outcomes = {one.repair: one for one in result.run.outcomes} if result.run is not None else {}
    return {
        "problem": None if result.problem is None else clean(result.problem),
        "repairs": [_repair(one, outcomes.get(one)) for one in result.plan.repairs],
        "left": {check: clean(reason) for check, reason in result.plan.left.items()},
        "skipped": list(result.plan.skipped),
        "machine": None if result.run is None else _machine(result.run),
        "before": judgement(result.before)["findings"],
    }


def _repair(repair: Repair, outcome: RepairOutcome | None) -> "verdicts.Repair":
    return {
        "checks": list(repair.checks),
        "title": clean(repair.title),
        "script": clean(repair.script),
        "status": None if outcome is None else outcome.status,
        "seconds": None if outcome is None else round(outcome.seconds, 1),
        "output": [] if outcome is None else [clean(line) for line in outcome.output],
    }


def _machine(run: SealedRun) -> "verdicts.SealedMachine":
    return {
        "seconds": round(run.seconds, 1),
        "clean": run.clean,
        "problem": None if run.problem is None else clean(run.problem),
        "log": [clean(line) for line in run.log],
    }
