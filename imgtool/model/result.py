"""How far one image came."""

from dataclasses import dataclass
from typing import Final

from imgtool.model.cloud_boot import CloudBoot
from imgtool.model.conversion import ConversionPlan, ConversionResult
from imgtool.model.delivery import UploadFailure, UploadPlan, UploadResult
from imgtool.model.fix import FixResult
from imgtool.model.free_blocks import FreeBlocks
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Judgement

SCHEMA_VERSION: Final = 1
"""Of the JSON documents that tell these types: keys are added, never renamed."""


@dataclass(frozen=True, slots=True)
class ImageResult:
    """How far one image came; what reports tell.

    No inspection where the gate refused it, no plans where a check failed or only a check was wanted,
    no results where only the plan was wanted. No judgement of an image that is uploaded as it is.
    """

    judgement: Judgement | None = None
    inspection: Inspection | None = None
    fix: FixResult | None = None
    """What was repaired before that, or would be; None where nobody asked for it."""
    conversion_plan: ConversionPlan | None = None
    conversion: ConversionResult | None = None
    left_out: FreeBlocks | None = None
    """What is not sent of a disk that is sent while it is read; a conversion to a file has its own."""
    upload_plans: tuple[UploadPlan, ...] = ()
    """One for each cloud."""
    uploads: tuple[UploadResult | UploadFailure, ...] = ()
    """What became of each plan, in their order."""
    cloud_boots: tuple[CloudBoot, ...] = ()
    """One for each cloud that has the image now, where that was asked for."""

    @property
    def fit(self) -> bool:
        """It may be delivered: it passed, and what was to be repaired is; or it would once that is done."""
        if self.judgement is None or (self.fix is not None and self.fix.problem is not None):
            return False
        if self.fix is not None and self.fix.is_plan:
            failing = {one.check for one in self.judgement.findings if one.fails_image}
            return failing <= set(self.fix.plan.wanted)
        return self.judgement.passed

    @property
    def comes_up(self) -> bool:
        """No server that was started from it says otherwise, whatever the policy makes of that."""
        return all(one.passed for one in self.cloud_boots)
