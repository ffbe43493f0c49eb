"""Everything as aligned text for a person: facts, verdict, story."""

from imgtool.report.as_text.facts import inspection
from imgtool.report.as_text.story import conversion, conversion_plan, prepared, upload, upload_plan
from imgtool.report.as_text.verdict import judgement, report

__all__ = [
    "conversion", "conversion_plan", "inspection", "judgement", "prepared", "report", "upload", "upload_plan",
]  # fmt: skip
