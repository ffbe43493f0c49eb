"""The page of a batch: totals, images against checks, and what became of each image.

One file with everything. It reads well without its script, which only sorts and filters what is there; the
page's policy names the script and the styles by their hashes, so that nothing else can run or be loaded.
"""

import hashlib
from base64 import b64encode
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from jinja2 import Environment
from markupsafe import Markup

from imgtool import __version__
from imgtool.batch.status import ORDER, BatchStatus, ReportOf
from imgtool.model.batch import GOOD_STATES, TaskRecord
from imgtool.report.as_html import matrix
from imgtool.report.as_html.batch_image import BatchImage, batch_image
from imgtool.report.as_html.markup import environment
from imgtool.report.as_html.origin import Origin, here_and_now
from imgtool.report.as_text.batch import ROLES, duration, moment
from imgtool.report.as_text.batch import word as state_word
from imgtool.report.explanation import Explanation, explain
from imgtool.report.findings import Role
from imgtool.report.stored import judgement_of
from imgtool.util.text import human_size

MOST_OPEN = 50
"""Images that ended badly and are shown in full at once; of more, each has to be opened."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be read first."""

    word: str
    role: Role
    summary: str


@dataclass(frozen=True, slots=True)
class BatchPage:
    """The whole page."""

    version: str
    policy: str
    """Of the page: Content-Security-Policy."""
    style: Markup
    script: Markup
    verdict: Verdict
    manifest: str
    counts: Sequence[tuple[str, str, int]]
    """State, colour and number of images."""
    totals: Sequence[tuple[str, str]]
    checks: Sequence[str]
    images: Sequence[BatchImage]
    open_bad: bool
    explained: Sequence[tuple[str, Explanation]]
    """The checks that have something to say of any image."""
    quiet: int
    """How many of the checks have not, and are no columns on paper."""
    origin: Origin


def batch_report(found: BatchStatus, report_of: ReportOf) -> str:
    """`--report html=PATH` of a batch."""
    made = environment()
    return made.get_template("batch.html").render(page=make_page(found, report_of, made)) + "\n"


def make_page(found: BatchStatus, report_of: ReportOf, templates: Environment) -> BatchPage:
    """All that the template lays out."""
    judged = {record.key: judgement_of(report_of(record.key)) for record in found.records}
    checks = matrix.columns(one for one in judged.values() if one)
    images = [
        batch_image(number, record, found.names.get(record.key, record.key), report_of(record.key), checks)
        for number, record in enumerate(found.records, 1)
    ]
    loud = {one.finding.check for image in images for one in image.loud}
    on_paper = _on_paper(checks, loud)
    style = Markup("\n").join([*(_asset(templates, name) for name in ("style.css", "batch.css")), on_paper])
    script = _asset(templates, "batch.js")
    return BatchPage(
        version=__version__,
        policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)};"
        " base-uri 'none'; form-action 'none'",
        style=style,
        script=script,
        verdict=_verdict(found),
        manifest=found.manifest,
        counts=_counts(found),
        totals=_totals(found),
        checks=checks,
        images=images,
        open_bad=sum(image.role == "bad" for image in images) <= MOST_OPEN,
        explained=[(check, told) for check in checks if check in loud and (told := explain(check))],
        quiet=len(set(checks) - loud),
        origin=here_and_now(),
    )


COLUMNS_BEFORE_CHECKS = 5
"""Image, state, time, and both sizes."""


def _on_paper(checks: Sequence[str], loud: Collection[str]) -> Markup:
    """Leave out columns that say nothing: paper is too narrow for fifty checks that can be read."""
    places = [number for number, check in enumerate(checks, COLUMNS_BEFORE_CHECKS + 1) if check not in loud]
    hidden = ", ".join(f"#matrix tr > :nth-child({number})" for number in places)
    return Markup(f"@media print {{ {hidden} {{ display: none; }} }}" if places else "")  # noqa: S704 - numbers


def _asset(templates: Environment, name: str) -> Markup:
    """A style or a script of this package."""
    return Markup(templates.get_template(name).render())  # noqa: S704 - ours, and nothing is put into it


def _hash(content: str) -> str:
    """Return it as a policy names what may stand in the page (CSP level 3, section 2.3.1)."""
    return f"'sha256-{b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _verdict(found: BatchStatus) -> Verdict:
    good = sum(record.state in GOOD_STATES for record in found.records)
    summary = f"{good} of {len(found.records)} images are where they were wanted"
    if any(ROLES[record.state] == "bad" for record in found.records):
        return Verdict("FAIL", "bad", summary)
    if good < len(found.records) or not found.records:
        return Verdict("RUNNING" if found.phase == "running" else "STOPPED", "doubt", summary)
    return Verdict("PASS", "good", summary)


def _counts(found: BatchStatus) -> Sequence[tuple[str, str, int]]:
    counted = Counter(record.state for record in found.records)
    return [(state_word(state), ROLES[state], counted[state]) for state in ORDER if counted[state]]


def _totals(found: BatchStatus) -> Sequence[tuple[str, str]]:
    made = [record for record in found.records if record.size_after_bytes is not None]
    uploads = sum(len(record.image_ids) for record in found.records)
    return [
        *_times(found),
        ("Work", f"{duration(sum(record.seconds for record in found.records))}, all images and attempts"),
        ("Sources", human_size(_sum(found.records, "size_before_bytes"))),
        ("Made of them", f"{human_size(_sum(made, 'size_after_bytes'))}, of {len(made)} images"),
        ("In clouds", f"{uploads} image{'' if uploads == 1 else 's'}"),
    ]


def _times(found: BatchStatus) -> Sequence[tuple[str, str]]:
    if found.began is None:
        return [("Run", "none was noted yet")]
    until = found.now if found.ended is None else found.ended
    took = f", {duration(until - found.began)}" if found.known_end else ""
    return [("Began", moment(found.began)), ("Run", f"{found.phase}{took}")]


def _sum(records: Sequence[TaskRecord], key: str) -> int:
    return sum(getattr(record, key) or 0 for record in records)
