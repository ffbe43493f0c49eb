"""Everything as JSON. The keys are a promise to scripts: add, never rename (tests hold them).

In the guest's facts an unknown value is null, and `unknown` maps its dotted key to the reason;
`evidence` does the same for what is known.
"""

from imgtool.report.as_json.conversion import conversion, conversion_plan
from imgtool.report.as_json.copying import copied
from imgtool.report.as_json.delivery import upload, upload_plan
from imgtool.report.as_json.facts import image, inspection
from imgtool.report.as_json.result import delivered, prepared, report, results
from imgtool.report.as_json.retirement import retired
from imgtool.report.as_json.values import Object, to_text
from imgtool.report.as_json.verdict import error, judgement

__all__ = [
    "Object", "conversion", "conversion_plan", "copied", "delivered", "error", "image", "inspection",
    "judgement", "prepared", "report", "results", "retired", "to_text", "upload", "upload_plan",
]  # fmt: skip
