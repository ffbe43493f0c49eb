"""How an image came up, as text."""

from collections.abc import Iterator, Sequence

from imgtool.model.boot import AgentFacts, BootResult, CloudInitRun
from imgtool.model.facts import Known
from imgtool.model.verdict import Judgement
from imgtool.report.as_text.layout import Paint, aligned, plain, shown
from imgtool.report.as_text.verdict import judgement
from imgtool.util.text import human_size, printable

LOG_LINES = 12
"""Of a boot that failed, the end of its serial log."""


def document(boots: Sequence[BootResult], found: Judgement, paint: Paint = plain) -> str:
    """Each boot, then what the checks make of them."""
    return "\n".join([*(line for one in boots for line in boot(one, paint)), "", judgement(found, paint)])


def boot(result: BootResult, paint: Paint = plain) -> Iterator[str]:
    """One boot: how it went, and what was seen."""
    end = f"the agent answered after {result.seconds:.1f} s" if result.answered else _stopped(result)
    hardware = f"{result.bus}, {result.firmware}, {result.accelerator}"
    yield f"{paint(hardware, 'title')}  {paint(printable(end), 'good' if result.answered else 'bad')}"
    yield from aligned(_rows(result), paint)
    if not result.answered:
        yield f"  {paint('end of its serial log', 'dim')}"
        yield from (f"    {printable(line)}" for line in result.log[-LOG_LINES:])


def _stopped(result: BootResult) -> str:
    if result.diagnosis is None:
        return f"QEMU ended after {result.seconds:.1f} s"
    return f"{result.diagnosis.cause} (at the stage {result.diagnosis.stage}, after {result.seconds:.1f} s)"


def _rows(result: BootResult) -> Iterator[tuple[str, str]]:
    yield "accelerator", f"{result.accelerator}: {result.accelerator_reason}"
    yield "reached", ", ".join(f"{one.stage} {one.seconds:.1f} s" for one in result.stages) or "nothing"
    if result.agent is not None:
        yield from _agent(result.agent)
        yield "root grew", shown(result.root_grown, lambda grew: "yes" if grew else "no")
    yield "cloud-init", shown(result.cloud_init, cloud_init)
    if result.doubt is not None:
        yield "doubtful", f"it stopped by {result.doubt}"


def _agent(facts: AgentFacts) -> Iterator[tuple[str, str]]:
    yield "agent", shown(facts.version)
    yield "disabled RPCs", shown(facts.disabled_rpcs, lambda names: ", ".join(names) or "none")
    yield "system", f"{shown(facts.os_id)} {shown(facts.os_version)}, kernel {shown(facts.kernel_release)}"
    yield "host name", shown(facts.hostname)
    yield "file systems", shown(facts.fsfreeze_status)
    for disk in facts.filesystems.value if isinstance(facts.filesystems, Known) else ():
        size = f", {human_size(disk.total_bytes)}" if disk.total_bytes is not None else ""
        yield "", f"{disk.mountpoint}: {disk.type} on {disk.device}{size}"
    for one in facts.interfaces.value if isinstance(facts.interfaces, Known) else ():
        yield "interface", f"{one.name} {one.mac or '(no hardware address)'} {' '.join(one.addresses)}"


def cloud_init(run: CloudInitRun) -> str:
    """What cloud-init said on the console."""
    return f"{'finished' if run.done else 'not finished'}, {run.datasource or 'it names no datasource'}"
