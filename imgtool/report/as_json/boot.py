"""How an image came up, as JSON. The keys are a promise to scripts: add, never rename."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from imgtool.model.boot import AgentFacts, BootResult, CloudInitRun, Diagnosis
from imgtool.model.result import SCHEMA_VERSION
from imgtool.model.verdict import Judgement
from imgtool.report.as_json.values import Object, Seen, clean
from imgtool.report.as_json.verdict import judgement

if TYPE_CHECKING:
    from imgtool.report.documents import verdicts


def document(boots: Sequence[BootResult], found: Judgement) -> "verdicts.Boots":
    """`imgtool boot`."""
    shown = judgement(found)
    return {
        "schema_version": SCHEMA_VERSION,
        "image": shown["image"],
        "boots": [boot(one) for one in boots],
        "findings": shown["findings"],
    }


def boot(result: BootResult) -> "verdicts.Boot":
    """One boot. What is not known is null, and `unknown` maps its dotted key to the reason."""
    seen = Seen()
    return {
        "bus": result.bus,
        "firmware": result.firmware,
        "accelerator": result.accelerator,
        "accelerator_reason": clean(result.accelerator_reason),
        "answered": result.answered,
        "timed_out": result.timed_out,
        "seconds": round(result.seconds, 3),
        "stages": [{"stage": one.stage, "seconds": round(one.seconds, 3)} for one in result.stages],
        "agent": None if result.agent is None else _agent(result.agent, seen),
        "cloud_init": seen.value("cloud_init", result.cloud_init, cloud_init),
        "root_grown": seen.value("root_grown", result.root_grown),
        "differences": [
            {"fact": one.fact, "inspected": one.inspected, "booted": one.booted} for one in result.differences
        ],
        "doubt": None if result.doubt is None else clean(result.doubt),
        "diagnosis": None if result.diagnosis is None else diagnosis(result.diagnosis),
        "log": [clean(line) for line in result.log],
        "unknown": seen.unknown,
    }


def _agent(facts: AgentFacts, seen: Seen) -> "verdicts.RunningAgent":
    return {
        "version": seen.value("agent.version", facts.version),
        "disabled_rpcs": seen.value("agent.disabled_rpcs", facts.disabled_rpcs, list),
        "os_id": seen.value("agent.os_id", facts.os_id),
        "os_version": seen.value("agent.os_version", facts.os_version),
        "kernel_release": seen.value("agent.kernel_release", facts.kernel_release),
        "hostname": seen.value("agent.hostname", facts.hostname),
        "interfaces": seen.value("agent.interfaces", facts.interfaces, _objects),
        "filesystems": seen.value("agent.filesystems", facts.filesystems, _objects),
        "fsfreeze_status": seen.value("agent.fsfreeze_status", facts.fsfreeze_status),
    }


def _objects(values: Sequence[Any]) -> list[Object]:
    return [asdict(one) for one in values]


def cloud_init(run: CloudInitRun) -> "verdicts.CloudInitRun":
    """What cloud-init said on the console."""
    return {"done": run.done, "datasource": run.datasource}


def diagnosis(found: Diagnosis) -> "verdicts.Diagnosis":
    """Where a boot stopped, and why."""
    return {
        "stage": found.stage,
        "cause": clean(found.cause),
        "evidence": [clean(line) for line in found.evidence],
        "remedy": clean(found.remedy),
    }
