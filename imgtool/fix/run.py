"""fix: copy, repair, check again, boot, and only then the target."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from imgtool.checks import registry
from imgtool.checks.policy import Policy
from imgtool.convert import convert
from imgtool.convert.convert import TargetFormat
from imgtool.fix.repaired import RepairRequest, parts, repaired
from imgtool.model.boot import BootOptions
from imgtool.model.conversion import Compression, ConversionPlan
from imgtool.model.fix import FixResult
from imgtool.model.image import DiskImage
from imgtool.model.result import ImageResult
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
    repair: RepairRequest = field(default_factory=RepairRequest)
    overwrite: bool = False


def fix(image: DiskImage, request: FixRequest, progress: Progress, *, dry_run: bool = False) -> FixResult:
    """Repair a copy of `image`, and put it at the target where it is proven.

    Raises what inspection, conversion, QEMU and a boot raise; nothing is left behind then.
    """

    def judge(one: DiskImage, boot: BootOptions | None) -> ImageResult:
        inspection = inspect_image(one, progress, registry.guest_query(request.policy))
        return judge_image(inspection, request.policy, progress, boot)

    conversion = _planned(image, request)
    if not dry_run:
        convert.preflight(conversion)
    with repaired(judge(image, None), judge, request.repair, progress, dry_run=dry_run) as result:
        assert result.fix is not None  # noqa: S101 - `repaired` tells of the repair
        if dry_run or result.fix.problem is not None:
            return result.fix
        made = _planned(parts(result)[0].image, request)
        return replace(result.fix, conversion=convert.execute(made, progress))


def _planned(image: DiskImage, request: FixRequest) -> ConversionPlan:
    return convert.plan(
        image, request.target, request.target_format, request.compression, overwrite=request.overwrite
    )
