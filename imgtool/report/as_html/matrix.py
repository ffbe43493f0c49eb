"""Images against checks: the checks that judged any of them, and for each image a cell a check."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from markupsafe import Markup, escape

from imgtool.checks import registry
from imgtool.model.verdict import Finding, Judgement
from imgtool.report.findings import role, word
from imgtool.util.text import printable

EMPTY = Markup("<td>")
"""Of an image that was not judged by this check. HTML lets a cell end where the next one begins."""

_MARKS = {
    "pass": "\N{CHECK MARK}", "FAIL": "\N{BALLOT X}", "error": "\N{DOUBLE EXCLAMATION MARK}",
    "warning": "!", "note": "i", "unknown": "?", "skipped": "\N{EN DASH}", "known": "=",
}  # fmt: skip
"""Seen without any colour too."""


def columns(judgements: Iterable[Judgement]) -> tuple[str, ...]:
    """The checks that say anything of any image, in the order of `imgtool explain`."""
    seen = {finding.check: None for judged in judgements for finding in judged.findings}
    known = [check.name for check in registry.all_checks() if check.name in seen]
    return (*known, *(name for name in seen if name not in known))


def cells(judged: Judgement | None, checks: Sequence[str]) -> Markup:
    """One image's part of its row."""
    found = {finding.check: finding for finding in judged.findings} if judged else {}
    return Markup("").join(_cell(found[check]) if check in found else EMPTY for check in checks)


@lru_cache(maxsize=4096)
def _cell(finding: Finding) -> Markup:
    """Most images of a batch say the same of most checks. `w-WORD` is for filters, the other for colours."""
    name = word(finding)
    text = escape(printable(f"{name}: {finding.message}"))
    return Markup('<td class="w-{} {}" title="{}">{}').format(
        name.lower(), role(finding), text, _MARKS.get(name, "?")
    )
