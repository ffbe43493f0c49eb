"""Annotations for GitHub Actions of a batch: for each image its verdict, then what stands in its way."""

from imgtool.batch.standing import Standing, StoryOf
from imgtool.report.as_github import annotations
from imgtool.report.batch_findings import judgements


def report(found: Standing, story_of: StoryOf) -> str:
    """`--report github=PATH` of a batch."""
    return annotations(judgements(found, story_of))
