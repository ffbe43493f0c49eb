"""SARIF of a batch: one run with all images. An image that failed for another reason than a check has the
result `batch`."""

from imgtool.batch.standing import Standing, StoryOf
from imgtool.report.as_sarif import document
from imgtool.report.batch_findings import BATCH, judgements


def report(found: Standing, story_of: StoryOf) -> str:
    """`--report sarif=PATH` of a batch."""
    judged = judgements(found, story_of)
    sizes = zip(judged, found.records, strict=True)
    lengths = {one.image: record.size_before_bytes for one, record in sizes if record.size_before_bytes}
    return document(judged, lengths, (BATCH,))
