"""What the forms for CI systems show of a batch: the findings of each image, and how it ended as one more."""

from dataclasses import replace

from imgtool.batch.standing import Standing, StoryOf
from imgtool.model.batch import GOOD_STATES, TaskRecord
from imgtool.model.judgement import Finding, Judgement, Outcome, Severity
from imgtool.report.stored import judgement_of

BATCH = Finding(
    check="batch",
    outcome=Outcome.ERROR,
    severity=Severity.ERROR,
    message="this image is not where the batch was to bring it",
    remedy="mend what the message names, and run the same command again",
)
"""Where no check stands in an image's way, but something else."""


def judgements(found: Standing, story_of: StoryOf) -> list[Judgement]:
    """One for each image, in the plan's order."""
    return [_judgement(record, found.names.get(record.key, record.key), story_of) for record in found.records]


def _judgement(record: TaskRecord, name: str, story_of: StoryOf) -> Judgement:
    judged = judgement_of(story_of(record.key)) or Judgement(name, ())
    return replace(judged, findings=(*judged.findings, _end(record, judged)))


def _end(record: TaskRecord, judged: Judgement) -> Finding:
    if record.state in GOOD_STATES:
        return replace(BATCH, outcome=Outcome.PASS, message=record.state, remedy="")
    if any(finding.fails_image for finding in judged.findings):
        return replace(BATCH, outcome=Outcome.SKIPPED, message=record.state, remedy="")
    return replace(BATCH, message=record.message or f"did not end: {record.state}", remedy=record.hint)
