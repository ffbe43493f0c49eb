"""A copy of an image, repaired and proven: what `imgtool fix` keeps, and `imgtool prepare --fix` delivers."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from imgtool.convert import convert
from imgtool.disk.temporary import temporary_folder
from imgtool.fix import packages
from imgtool.fix.plan import make_plan
from imgtool.fix.repairs import NEED_PACKAGES
from imgtool.formats.gate import admit
from imgtool.model.boot import BootOptions
from imgtool.model.fix import FixOptions, FixPlan, FixResult, Repair, SealedRun
from imgtool.model.guest import GuestFacts
from imgtool.model.image import DiskImage
from imgtool.model.inspection import Inspection
from imgtool.model.result import ImageResult
from imgtool.model.verdict import Finding, Judgement, Outcome
from imgtool.pipeline.request import Judge
from imgtool.util.progress import Progress

MAX_RUNS = 4
"""Of the machine: what it shows may be something else each time, and does not keep us for ever."""
REPLAY = "filesystem-clean"
"""The check of file systems that were in use, whose repair replays their journals."""
HIDING = NEED_PACKAGES | {REPLAY}
"""Checks by whose repair something else may come to light."""
SKIP = "--skip leaves it as it is"
IGNORE = "--ignore leaves the check out"


@dataclass(frozen=True, slots=True)
class RepairRequest:
    """What is repaired, and how that is proven."""

    only: Collection[str] = ()
    """Names of checks; none: all."""
    skip: Collection[str] = ()
    options: FixOptions = field(default_factory=FixOptions)
    boot: BootOptions | None = None
    """How the repaired image is booted; None: it is not."""
    otherwise: str = SKIP
    """What the operator can do about a check that has no repair."""


@contextmanager
def repaired(
    before: ImageResult, judge: Judge, request: RepairRequest, progress: Progress, *, dry_run: bool = False
) -> Iterator[ImageResult]:
    """The result of the repaired copy, which is there as long as the block lasts; its `fix` tells the rest.

    It is `before` where there is only a plan, nothing to repair, or a repair that failed. Raises what the
    conversion to a copy, QEMU, inspection and a boot raise; nothing is left behind then.
    """
    inspection, judgement = parts(before)
    packages.handed(request.options)
    plan = _plan(before, request)
    if not dry_run:
        plan = _of_first_run(plan)
    found = FixResult(judgement.image, judgement, plan, problem=_hopeless(plan, request.otherwise))
    if dry_run or found.problem is not None or not plan.repairs:
        yield _told(before, found)
        return
    from imgtool.fix import session  # noqa: PLC0415 - loaded only where a machine is started

    with temporary_folder(Path(judgement.image)) as folder:
        copy = _copied(inspection.image, folder, progress)

        def run(guest: GuestFacts, repairs: Sequence[Repair]) -> SealedRun:
            return session.run(admit(copy.path, "raw"), guest, repairs, request.options, progress)

        def look(boot: BootOptions | None) -> ImageResult:
            return judge(_of(inspection.image, copy.path), boot)

        yield _repaired_copy(found, before, request, run, look)


def _repaired_copy(
    found: FixResult,
    before: ImageResult,
    request: RepairRequest,
    run: Callable[[GuestFacts, Sequence[Repair]], SealedRun],
    look: Callable[[BootOptions | None], ImageResult],
) -> ImageResult:
    """Let the guest repair the copy, and once more what comes to light then.

    A package that was missing has hidden what is wrong with its settings, and a journal what was written
    last: that is looked at before the boot.
    """
    guest, repairs = parts(before)[0].guest, found.plan.repairs
    for more in reversed(range(MAX_RUNS)):
        done = run(guest, repairs)
        all_done = done if found.run is None else found.run.followed_by(done)
        found = replace(found, run=all_done, problem=_run_problem(done))
        if found.problem is not None:
            return _told(before, found)
        hid = any(HIDING.intersection(one.checks) for one in repairs)
        judged = look(None if hid else request.boot)
        repairs = _new_in(_plan(judged, request), found.plan)
        if not repairs or not more:
            return _proven(found, look(request.boot) if hid and request.boot else judged, request)
        found = replace(found, plan=replace(found.plan, repairs=(*found.plan.repairs, *repairs)))
        guest = parts(judged)[0].guest
        # Its descriptor has the lock that QEMU took for the boot.
        del judged
    raise AssertionError("the last run returns")


def _of_first_run(plan: FixPlan) -> FixPlan:
    """Where a file system was in use, what is on it is only known once its journal was replayed: by that run.

    Nothing is given up before it, and nothing else is done in it.
    """
    replay = tuple(one for one in plan.repairs if REPLAY in one.checks)
    return replace(plan, repairs=replay, left={}) if replay else plan


def _plan(result: ImageResult, request: RepairRequest) -> FixPlan:
    inspection, judgement = parts(result)
    hands = request.options.hands_packages
    return make_plan(judgement, inspection.guest, request.only, request.skip, packages=hands)


def _new_in(plan: FixPlan, done: FixPlan) -> tuple[Repair, ...]:
    """What was not done yet; nothing where an error has no repair.

    A check may fail a second time by what was hidden at first, and has another script then.
    """
    known = {(check, one.script) for one in done.repairs for check in one.checks}
    fresh = [one for one in plan.repairs if not any((check, one.script) in known for check in one.checks)]
    return tuple(fresh) if plan.problem is None else ()


def parts(result: ImageResult) -> tuple[Inspection, Judgement]:
    """What a result has that was inspected and judged."""
    assert result.inspection is not None  # noqa: S101 - see above
    assert result.judgement is not None  # noqa: S101 - see above
    return result.inspection, result.judgement


def _copied(image: DiskImage, folder: Path, progress: Progress) -> DiskImage:
    """The disk as a raw file, the only one in `folder`."""
    progress.stage("fix", "copying the disk")
    copy = folder / "disk.raw"
    convert.execute(convert.plan(image, copy, "raw", transient=True), progress)
    return admit(copy, "raw")


def _of(image: DiskImage, copy: Path) -> DiskImage:
    """The copy, which the guest has written to; reports call it by the name of what it was copied from."""
    return replace(admit(copy, "raw"), unpacked_from=image.origin)


def _hopeless(plan: FixPlan, otherwise: str) -> str | None:
    return None if plan.problem is None else f"{plan.problem}: {otherwise}"


def _run_problem(run: SealedRun) -> str | None:
    if run.problem is not None:
        return f"the sealed machine failed: {run.problem}"
    failed = [one.repair.title for one in run.outcomes if not one.done]
    return f"the guest could not {'; '.join(failed)}" if failed else None


def _proven(found: FixResult, judged: ImageResult, request: RepairRequest) -> ImageResult:
    """The result after the repair, with what it says of that."""
    inspection, after = parts(judged)
    problem = _unrepaired(found, after)
    if problem is None and request.boot is not None and not inspection.boots:
        failing = ", ".join(one.check for one in after.findings if one.fails_image)
        problem = f"it cannot be booted as a proof while {failing} fails"
    return _told(judged, replace(found, after=after, boots=inspection.boots, problem=problem))


def _told(result: ImageResult, found: FixResult) -> ImageResult:
    """The result with what became of each repair in its finding, as every form of report shows findings."""
    judgement = parts(result)[1]
    told = tuple(_with_repair(one, found) for one in judgement.findings)
    return replace(result, judgement=replace(judgement, findings=told), fix=found)


def _with_repair(finding: Finding, found: FixResult) -> Finding:
    titles = [one.title for one in found.plan.repairs if finding.check in one.checks]
    if not titles:
        return finding
    if found.is_plan:
        words = f"would be repaired: {titles[0]}"
    elif _passes(finding):
        words = f"repaired: {titles[0]}"
    else:
        words = f"not repaired: {found.problem}"
    return replace(finding, message=f"{finding.message} ({words})")


def _unrepaired(result: FixResult, after: Judgement) -> str | None:
    """What was to pass and does not, and what else fails that the operator did not leave out."""
    found = {one.check: one for one in after.findings}
    still = [name for name in result.plan.wanted if not _passes(found.get(name))]
    if still:
        return f"the repair was done, and {', '.join(still)} still fails"
    others = [one.check for one in after.findings if one.fails_image and one.check not in result.plan.skipped]
    return f"after the repair {', '.join(others)} fails" if others else None


def _passes(finding: Finding | None) -> bool:
    return finding is not None and finding.outcome in {Outcome.PASS, Outcome.SKIPPED}
