"""How far one image came."""

from dataclasses import dataclass

from imgtool.model.conversion import ConversionPlan, ConversionResult
from imgtool.model.delivery import UploadFailure, UploadPlan, UploadResult
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Judgement

SCHEMA_VERSION = 1
"""Of the JSON documents that tell these types: keys are added, never renamed."""


@dataclass(frozen=True, slots=True)
class ImageResult:
    """How far one image came; what reports tell.

    No inspection where the gate refused it, no plans where a check failed or only a check was wanted,
    no results where only the plan was wanted. No judgement of an image that is uploaded as it is.
    """

    judgement: Judgement | None = None
    inspection: Inspection | None = None
    conversion_plan: ConversionPlan | None = None
    conversion: ConversionResult | None = None
    upload_plans: tuple[UploadPlan, ...] = ()
    """One for each cloud."""
    uploads: tuple[UploadResult | UploadFailure, ...] = ()
    """What became of each plan, in their order."""
