"""What was, or would be, repaired, as text: of `imgtool fix`, and on the way to Glance."""

from collections.abc import Iterator

from imgtool.model.fix import FixResult, RepairOutcome, SealedRun
from imgtool.report.as_text.boot import boot
from imgtool.report.as_text.layout import Paint, Row, aligned, plain, section
from imgtool.util.text import printable

LOG_LINES = 12
"""Of a machine that failed, the end of its console."""


def document(result: FixResult, paint: Paint = plain) -> str:
    """The plan, what came of it, and one line of verdict."""
    return "\n".join(_lines(result, paint))


def _lines(result: FixResult, paint: Paint) -> Iterator[str]:
    yield paint(printable(f"fix {result.source}"), "title")
    yield from aligned(rows(result), paint)
    if result.run is not None:
        yield from _failures(result.run, paint)
    for one in result.boots:
        yield from boot(one, paint)
    yield ""
    yield _verdict(result, paint)


def on_the_way(result: FixResult, paint: Paint = plain) -> str:
    """What was repaired before a conversion or an upload, or would be, and why that failed."""
    lines = section("repair" if not result.is_plan else "planned repair", rows(result), paint)
    return "\n".join([*lines, *(_failures(result.run, paint) if result.run is not None else ())])


def rows(result: FixResult) -> Iterator[Row]:
    """Return what is done for which check, or why nothing is, and how the machine ended."""
    outcomes = {one.repair: one for one in result.run.outcomes} if result.run is not None else {}
    for repair in result.plan.repairs:
        checks = ", ".join(repair.checks)
        yield "repair", f"{repair.title} ({checks}){_ended(outcomes.get(repair))}"
    for check, reason in result.plan.left.items():
        yield "no repair", f"{check}: {reason}"
    for check in result.plan.skipped:
        yield "skipped", check
    if result.run is not None:
        end = "its file systems were unmounted" if result.run.clean else "it was not shut down cleanly"
        yield "machine", f"{result.run.seconds:.0f} s; {end}"
    yield from _ending(result)


def _ending(result: FixResult) -> Iterator[Row]:
    if result.conversion is not None:
        yield "target", printable(str(result.conversion.plan.target))
    elif result.is_plan:
        yield "then", "checked again and booted on virtio; its properties are those of the repaired image"
    elif result.problem is not None:
        yield "problem", result.problem
    elif not result.plan.repairs:
        yield "nothing to repair", "no check that failed has a repair"


def _ended(outcome: RepairOutcome | None) -> str:
    if outcome is None:
        return ""
    if outcome.status is None:
        return ": not done"
    return f": {'done' if outcome.done else f'status {outcome.status}'}, {outcome.seconds:.0f} s"


def _failures(run: SealedRun, paint: Paint) -> Iterator[str]:
    for one in run.outcomes:
        if not one.done and one.output:
            yield f"  {paint(printable(one.repair.title), 'dim')}"
            yield from (f"    {printable(line)}" for line in one.output)
    if run.problem is not None:
        yield f"  {paint('end of its console', 'dim')}"
        yield from (f"    {printable(line)}" for line in run.log[-LOG_LINES:])


def _verdict(result: FixResult, paint: Paint) -> str:
    source = printable(result.source)
    if result.problem is not None:
        return f"{paint('FAIL', 'bad')}  {source}: {printable(result.problem)}"
    if not result.plan.repairs:
        return f"{paint('PASS', 'good')}  {source} has nothing to repair"
    if result.conversion is None:
        return f"{len(result.plan.repairs)} repair(s) would be done"
    target = printable(str(result.conversion.plan.target))
    return f"{paint('PASS', 'good')}  {source} is repaired: {target}"
