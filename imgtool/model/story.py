"""How far one image came."""

from dataclasses import dataclass

from imgtool.model.conversion import ConversionPlan, ConversionResult
from imgtool.model.delivery import UploadPlan, UploadResult
from imgtool.model.inspection import Inspection
from imgtool.model.judgement import Judgement

SCHEMA_VERSION = 1
"""Of the JSON documents that tell these types: keys are added, never renamed."""


@dataclass(frozen=True, slots=True)
class Story:
    """How far one image came; what reports tell.

    No inspection where the gate refused it, no plans where a check failed or only a check was wanted,
    no results where only the plan was wanted.
    """

    judgement: Judgement
    inspection: Inspection | None = None
    conversion_plan: ConversionPlan | None = None
    conversion: ConversionResult | None = None
    upload_plan: UploadPlan | None = None
    upload: UploadResult | None = None
