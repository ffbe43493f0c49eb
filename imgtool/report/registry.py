"""`REPORTS` are the forms that `--report FORMAT=PATH` writes."""

from collections.abc import Callable, Mapping, Sequence

from imgtool.model import Story
from imgtool.report import as_json
from imgtool.report.as_text import delivery as as_text

Report = Callable[[Sequence[Story]], str]

REPORTS: Mapping[str, Report] = {
    "text": as_text.report,
    "json": as_json.report,
}
