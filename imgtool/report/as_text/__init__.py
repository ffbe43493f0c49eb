"""Everything as aligned text for a person: facts, verdict, delivery."""

from imgtool.report.as_text.delivery import conversion, conversion_plan, report, story, upload, upload_plan
from imgtool.report.as_text.facts import inspection
from imgtool.report.as_text.verdict import judgement

__all__ = [
    "conversion", "conversion_plan", "inspection", "judgement", "report", "story", "upload", "upload_plan",
]  # fmt: skip
