"""Where a batch stands whose images were told by support.stories: for its reports."""

from collections.abc import Mapping

from support import stories as made

from imgtool.batch.status import BatchStatus, ReportOf
from imgtool.model.batch import TaskRecord, TaskState
from imgtool.model.result import ImageResult
from imgtool.report import as_json

HOSTILE_NAME = "<script>alert(1)</script>\u202egnp.exe\x1b]0;x"

STORIES: Mapping[str, tuple[str, TaskState, ImageResult | None]] = {
    "a": ("good", "done", made.good()),
    "b": ("bad", "check-failed", made.bad()),
    "c": ("warned", "skipped", made.warned()),
    "d": (HOSTILE_NAME, "refused", None),
    "e": ("unknown", "failed", made.unknown()),
    "f": ("waiting", "waiting", None),
}
"""By key: name, state, story."""


def standing(copies: int = 1) -> tuple[BatchStatus, ReportOf]:
    """An ended batch of all of them, `copies` times, and how to get each one's story."""
    keys = [f"{key}{number}" for number in range(copies) for key in STORIES]
    records = tuple(
        TaskRecord(
            key,
            STORIES[key[0]][1],
            1,
            0.0,
            float(position),
            float(position),
            size_before_bytes=(position + 1) << 20,
            size_after_bytes=(len(keys) - position) << 10,
            message=f"{HOSTILE_NAME} of {key}" if STORIES[key[0]][1] == "refused" else "",
            image_ids={"one": f"id-{key}"} if STORIES[key[0]][1] == "done" else {},
        )
        for position, key in enumerate(keys)
    )
    found = BatchStatus(
        phase="ended",
        manifest="/images/<b>images</b>.yaml",
        began=100.0,
        ended=200.0,
        now=300.0,
        records=records,
        names={key: f"{STORIES[key[0]][0]}-{key}" for key in keys},
        stages={},
    )
    return found, story_of


def story_of(key: str) -> Mapping[str, object] | None:
    """As the journal keeps it."""
    story = STORIES[key[0]][2]
    return None if story is None else as_json.prepared(story)
