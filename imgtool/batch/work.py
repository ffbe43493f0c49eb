"""What a child does: one task, from its source to the record of what became of it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from imgtool import box, convert, glance
from imgtool.batch import given, staging
from imgtool.batch.assignment import Assignment
from imgtool.batch.cloud_errand import CloudErrand, look
from imgtool.batch.given import Given
from imgtool.disk.incoming import incoming
from imgtool.disk.output import check_target
from imgtool.errors import EXIT_CHECK_FAILED, EXIT_OK
from imgtool.model.batch import Task, TaskRecord, cloud_label
from imgtool.model.boot import BootOptions
from imgtool.model.conversion import ConversionResult
from imgtool.model.delivery import UploadFailure
from imgtool.model.story import Story
from imgtool.pipeline import Order, prepare
from imgtool.policy.load import load_policy
from imgtool.progress import Progress

Tell = Callable[[Story], Mapping[str, Any]]
"""A story as JSON."""


def perform(assignment: Assignment, tell: Tell, progress: Progress) -> TaskRecord:
    """Do the task; its image is complete in all its places when this returns.

    Raises all that fetching, converting and uploading raise; nothing is left then, but what is in the task's
    own folders. A check that fails, and a cloud of several that does, stand in the record.
    """
    with box.running():  # before anything secret is in memory
        return _perform(assignment, tell, progress)


def _perform(assignment: Assignment, tell: Tell, progress: Progress) -> TaskRecord:
    task = assignment.task
    if task.output is not None:
        check_target(task.output, overwrite=assignment.replace_output)
    if assignment.recover and task.clouds:
        look(CloudErrand(task.clouds, assignment.uploads, {}), progress)
    with given.source(task, assignment.temporary, progress) as source:
        staged = staging.prepare(assignment)
        if task.clouds:
            story = prepare(_order(assignment, source, staged), progress)
        else:
            story = Story(conversion=_convert(task, source, staged, progress))
        record = _record(task, source, story, tell)
        if staged is not None and record.state == "done":
            record = staging.place(staged, assignment, record)
        return record


def _order(assignment: Assignment, source: Given, staged: Path | None) -> Order:
    task = assignment.task
    return Order(
        source=source.path,
        clouds=task.clouds,
        wanted=task.wanted,
        journal=assignment.uploads,
        source_format=task.source_format,
        target_format=task.target_format,
        compression=task.compression,
        keep=staged,
        properties=task.properties,
        derive=task.derive,
        policy=load_policy(task.policy),
        boot=BootOptions() if task.boot else None,
    )


def _convert(task: Task, source: Given, staged: Path | None, progress: Progress) -> ConversionResult:
    """As `imgtool convert` does it: nothing is judged."""
    assert staged is not None  # noqa: S101 - a task without clouds has an output
    with incoming(source.path, task.source_format, progress, may_stream=True) as image:
        plan = convert.plan(image, staged, task.target_format, task.compression)
        progress.stage("convert", f"{image.format} -> {plan.target_format}, compression {plan.compression}")
        return convert.execute(plan, progress)


def _record(task: Task, source: Given, story: Story, tell: Tell) -> TaskRecord:
    record = TaskRecord(
        key=task.key,
        state="done",
        source_sha256=source.sha256() or _noted_sha256(story),
        source_identity=source.identity,
        size_before_bytes=source.size_bytes,
        size_after_bytes=_size_after(story),
        image_ids=_image_ids(task, story),
        exit_status=EXIT_OK,
        report=tell(story),
    )
    if story.judgement is not None and not story.judgement.passed:
        failing = [finding.check for finding in story.judgement.findings if finding.fails_image]
        return replace(
            record,
            state="check-failed",
            exit_status=EXIT_CHECK_FAILED,
            message=f"checks failed: {', '.join(failing)}",
            hint="the report has the reason of each, and what to do",
        )
    for failure in story.uploads:
        if isinstance(failure, UploadFailure):
            message = f"{failure.plan.cloud}: {failure.message}"
            return replace(
                record, state="failed", exit_status=failure.exit_status, message=message, hint=failure.hint
            )
    return record


def _noted_sha256(story: Story) -> str | None:
    """What the upload computed for the image's provenance."""
    name = glance.source_sha256("").name
    properties = story.upload_plans[0].properties if story.upload_plans else ()
    return next((one.value for one in properties if one.name == name), None)


def _size_after(story: Story) -> int | None:
    if story.conversion is not None:
        return story.conversion.file_size_bytes
    sizes = [one.size_bytes for one in story.uploads if not isinstance(one, UploadFailure)]
    return sizes[0] if sizes else None


def _image_ids(task: Task, story: Story) -> dict[str, str]:
    pairs = zip(task.clouds, story.uploads, strict=False)
    return {cloud_label(name): one.image_id for name, one in pairs if not isinstance(one, UploadFailure)}
