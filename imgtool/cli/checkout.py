"""Images as the readers of a report look for them: by their paths in the checkout that a CI job works on."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from imgtool.cli import console
from imgtool.fetch.urls import is_url
from imgtool.model.result import ImageResult
from imgtool.report.findings import judged

if TYPE_CHECKING:
    from imgtool.batch.status import ReportOf

_VARIABLES = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR", "WORKSPACE")
"""Where GitHub Actions, GitLab and Jenkins say what they have checked out."""


def result(found: ImageResult) -> ImageResult:
    """Return it with its image named within the checkout; what was fetched is named by its URL."""
    judgement = judged(found)
    return replace(found, judgement=replace(judgement, image=path(console.renamed(judgement.image))))


def reports(report_of: "ReportOf") -> "ReportOf":
    """Return what gives the reports of a batch with their images named so."""

    def renamed(key: str) -> Mapping[str, object] | None:
        report = report_of(key)
        judged = cast("Mapping[str, object]", (report or {}).get("result") or {})
        if report is None or not judged:
            return report
        return {**report, "result": {**judged, "image": path(str(judged["image"]))}}

    return renamed


def path(image: str) -> str:
    """Return the path within the checkout; what is in none stays as it is."""
    if is_url(image):
        return image
    absolute = Path(os.path.abspath(image))  # noqa: PTH100 - resolve() would follow the image's own link
    found = (absolute.relative_to(root) for root in _roots() if absolute.is_relative_to(root))
    return next(map(str, found), image)


def _roots() -> Iterator[Path]:
    """Yield the CI system's answer first, then the Git repository around the working directory."""
    here = Path.cwd()
    named = [Path(value) for name in _VARIABLES if (value := os.environ.get(name))]
    repository = [folder for folder in (here, *here.parents) if (folder / ".git").exists()]
    for root in (*named, *repository[:1]):
        yield root
        yield root.resolve()
