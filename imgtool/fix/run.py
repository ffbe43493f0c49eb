"""fix: copy, repair, check again, boot, and only then the target."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

from imgtool.checks import registry
from imgtool.checks.policy import Policy
from imgtool.convert import convert
from imgtool.convert.convert import TargetFormat
from imgtool.disk.temporary import temporary_folder
from imgtool.fix import session
from imgtool.fix.plan import make_plan
from imgtool.fix.session import SealedOptions
from imgtool.formats.gate import admit
from imgtool.model.boot import BootOptions
from imgtool.model.conversion import Compression
from imgtool.model.fix import FixPlan, FixResult, SealedRun
from imgtool.model.image import DiskImage
from imgtool.model.result import ImageResult
from imgtool.model.verdict import Finding, Judgement, Outcome
from imgtool.pipeline.inspect import inspect_image
from imgtool.pipeline.judge import judge_image
from imgtool.util.progress import Progress


@dataclass(frozen=True, slots=True)
class FixRequest:
    """What the operator asked for."""

    target: Path
    target_format: TargetFormat
    compression: Compression
    policy: Policy
    only: Collection[str] = ()
    skip: Collection[str] = ()
    machine: SealedOptions = field(default_factory=SealedOptions)
    boot: BootOptions | None = None
    """How the repaired image is booted; None: it is not."""
    overwrite: bool = False


def fix(image: DiskImage, request: FixRequest, progress: Progress, *, dry_run: bool = False) -> FixResult:
    """Repair a copy of `image`, and put it at the target where it is proven.

    Raises what inspection, conversion, QEMU and a boot raise; nothing is left behind then.
    """
    conversion = convert.plan(
        image, request.target, request.target_format, request.compression, overwrite=request.overwrite
    )
    inspection = inspect_image(image, progress, registry.guest_query(request.policy))
    before = _judged(judge_image(inspection, request.policy, progress))
    plan = make_plan(before, inspection.guest, request.only, request.skip)
    result = FixResult(str(image.origin.path), before, plan, problem=_hopeless(plan))
    if dry_run or result.problem is not None:
        return result
    convert.preflight(conversion)
    if not plan.repairs:
        return replace(result, conversion=convert.execute(conversion, progress))
    with temporary_folder(image.origin.path) as folder:
        copy = folder / "disk.raw"
        progress.stage("fix", "copying the disk")
        convert.execute(convert.plan(image, copy, "raw", transient=True), progress)
        admitted = admit(copy, "raw")
        run = session.run(admitted, inspection.guest, plan.repairs, request.machine, progress)
        result = replace(result, run=run, problem=_run_problem(run))
        if result.problem is not None:
            return result
        admitted = admit(copy, "raw")
        result = _proven(result, admitted, request, progress)
        if result.problem is not None:
            return result
        made = convert.plan(
            admitted, request.target, request.target_format, request.compression, overwrite=request.overwrite
        )
        return replace(result, conversion=convert.execute(made, progress))


def _judged(result: ImageResult) -> Judgement:
    assert result.judgement is not None  # noqa: S101 - judge_image always judges
    return result.judgement


def _hopeless(plan: FixPlan) -> str | None:
    if not plan.left:
        return None
    names = ", ".join(plan.left)
    return f"there is no repair for {names}: --skip leaves it as it is"


def _run_problem(run: SealedRun) -> str | None:
    if run.problem is not None:
        return f"the sealed machine failed: {run.problem}"
    failed = [one.repair.title for one in run.outcomes if not one.done]
    return f"the guest could not {'; '.join(failed)}" if failed else None


def _proven(result: FixResult, image: DiskImage, request: FixRequest, progress: Progress) -> FixResult:
    """Check what was repaired, and boot it."""
    inspection = inspect_image(image, progress, registry.guest_query(request.policy))
    judged = judge_image(inspection, request.policy, progress, request.boot)
    after = _judged(judged)
    boots = judged.inspection.boots if judged.inspection is not None else ()
    problem = _unrepaired(result, after)
    if problem is None and request.boot is not None and not boots:
        failing = ", ".join(one.check for one in after.findings if one.fails_image)
        problem = f"it cannot be booted as a proof while {failing} fails: --no-boot does without"
    return replace(result, after=after, boots=boots, problem=problem)


def _unrepaired(result: FixResult, after: Judgement) -> str | None:
    """What was to pass and does not, and what fails that did not before."""
    found = {one.check: one for one in after.findings}
    still = [name for name in result.plan.wanted if not _passes(found.get(name))]
    if still:
        return f"the repair was done, and {', '.join(still)} still fails"
    before = {one.check for one in result.before.findings if one.fails_image}
    fresh = [one.check for one in after.findings if one.fails_image and one.check not in before]
    return f"after the repair {', '.join(fresh)} fails" if fresh else None


def _passes(finding: Finding | None) -> bool:
    return finding is not None and finding.outcome in {Outcome.PASS, Outcome.SKIPPED}
