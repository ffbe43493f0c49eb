"""What a child does: one task, from its source to the record of what became of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from imgtool import glance, sandbox
from imgtool.batch import staging
from imgtool.batch.cloud_query import CloudQuery, look
from imgtool.batch.task_context import TaskContext
from imgtool.checks.policy import OPENSTACK
from imgtool.convert import convert
from imgtool.convert.digest import SHA512
from imgtool.disk.open_source import incoming
from imgtool.errors import EXIT_CHECK_FAILED, EXIT_OK
from imgtool.fetch.urls import file_name, is_url, without_query
from imgtool.fix.on_the_way import repairing
from imgtool.model.batch import Task, TaskRecord
from imgtool.model.boot import BootOptions
from imgtool.model.cloud_boot import CloudBoot
from imgtool.model.conversion import ConversionResult
from imgtool.model.delivery import UploadFailure
from imgtool.model.image import DiskImage
from imgtool.model.result import ImageResult
from imgtool.model.source import SHA256, SHA256_CHUNKS, SourceHash
from imgtool.pipeline import source_file
from imgtool.pipeline.prepare import prepare, upload
from imgtool.pipeline.request import PrepareRequest
from imgtool.pipeline.source_file import SourceFile
from imgtool.policy.choice import with_choice
from imgtool.policy.load import load_policy
from imgtool.util.output import check_target
from imgtool.util.progress import Progress
from imgtool.util.text import shell_operands, shell_word

Render = Callable[[ImageResult], Mapping[str, Any]]
"""Makes JSON of a result."""


def perform(context: TaskContext, render: Render, progress: Progress) -> TaskRecord:
    """Do the task; its image is complete in all its places when this returns.

    Raises all that fetching, converting and uploading raise; nothing is left then, but what is in the task's
    own folders. A check that fails, and a cloud of several that does, stand in the record.
    """
    with sandbox.running():  # before anything secret is in memory
        return _perform(context, render, progress)


def _perform(context: TaskContext, render: Render, progress: Progress) -> TaskRecord:
    task = context.task
    if task.output is not None:
        check_target(task.output, overwrite=context.replace_output)
    if context.recover and task.clouds:
        look(CloudQuery(task.clouds, context.uploads, {}), progress)
    with source_of(task, context.temporary, progress) as source:
        staged = staging.prepare(context)
        if task.clouds:
            deliver = upload if task.options.as_it_is else prepare
            result = deliver(_order(context, source, staged), progress)
        else:
            result = ImageResult(conversion=_convert(task, source, staged, progress))
        record = _record(task, source, result, render)
        if staged is not None and record.state == "done":
            record = staging.place(staged, context, record)
        return record


MOSTLY_HOLES = 4
"""Times more than is allocated that a file is large. Its hash would take far longer than its conversion."""
QUICKLY_HASHED_BYTES = 1 << 30


@contextmanager
def source_of(task: Task, folder: Path, progress: Progress) -> Iterator[SourceFile]:
    """The source, for as long as the block lasts; what is fetched is put into `folder`."""
    if _is_from_web(task):
        yield SourceFile(Path(file_name(task.source) or "image"), hashes_of(task).get, 0, None)
        return
    if is_url(task.source):
        yield source_file.fetched(task.source, hashes_of(task), folder, progress)
        return
    with source_file.local(
        Path(task.source),
        hashes_of(task),
        progress,
        source_format=task.source_format,
        disk=task.disk,
        noted=lambda image: _noted(task, image),
    ) as found:
        yield found


def _is_from_web(task: Task) -> bool:
    """Whether Glance fetches the source by itself."""
    return task.wanted.method == "web-download"


def hashes_of(task: Task) -> dict[str, str]:
    """What the source must have, by hashlib's name of the algorithm."""
    wanted = {SHA256: task.sha256, SHA512: task.sha512}
    return {name: value for name, value in wanted.items() if value is not None}


def _noted(task: Task, image: DiskImage) -> Sequence[str]:
    """The hash to compute for the record, where that is worth it.

    An upload computes it anyway, for the image's provenance.
    """
    uploaded = bool(task.clouds) and task.derive
    quick = task.source_hash == SHA256_CHUNKS or _quickly_hashed(image)
    wanted = task.source_hash != "none" and (hashes_of(task) or (quick and not uploaded))
    return (task.source_hash,) if wanted else ()


def _quickly_hashed(image: DiskImage) -> bool:
    """Whether the SHA-256 takes less time than the conversion."""
    size = image.identity.size_bytes
    return size <= max(QUICKLY_HASHED_BYTES, MOSTLY_HOLES * image.origin.allocated_bytes)


def _order(context: TaskContext, source: SourceFile, staged: Path | None) -> PrepareRequest:
    task = context.task
    return PrepareRequest(
        source=source.path,
        source_url=without_query(task.source) if is_url(task.source) else None,
        admitted=source.image,
        web=glance.WebContent(task.source, hashes_of(task)) if _is_from_web(task) else None,
        clouds=task.clouds,
        wanted=task.wanted,
        journal=context.uploads,
        source_format=task.source_format,
        disk=task.disk,
        target_format="qcow2" if task.target_format == "auto" else task.target_format,
        choose_format=task.target_format == "auto",
        store_type=task.store_type,
        compression=task.compression,
        keep=staged,
        properties=task.properties,
        derive=task.derive,
        source_hash=task.source_hash,
        policy=with_choice(load_policy(task.policy), task.options.choice),
        boot=_boot(task),
        repair=repairing(task.options.fix, _boot(task), boots_in_cloud=task.options.cloud_boot is not None),
        cloud_boot=task.options.cloud_boot,
        conversion=task.options.conversion,
        force_share=task.options.force_share,
        allow_snapshots=task.options.allow_snapshots,
        with_bill=task.options.bill,
        insist=task.options.insist,
        timeout_seconds=task.options.timeout_seconds,
    )


def _boot(task: Task) -> BootOptions | None:
    return task.options.boot if task.boot else None


def _convert(task: Task, source: SourceFile, staged: Path | None, progress: Progress) -> ConversionResult:
    """Convert without judging, as `imgtool convert` does."""
    assert staged is not None  # noqa: S101 - a task without clouds has an output
    assert task.target_format != "auto"  # noqa: S101 - the output's name has decided
    options = task.options.conversion
    with incoming(
        source.path,
        task.source_format,
        progress,
        may_stream=not options.sparsify,
        force_share=False,
        admitted=source.image,
        disk=task.disk,
    ) as image:
        plan = convert.plan(image, staged, task.target_format, task.compression, options=options)
        progress.stage("convert", f"{image.format} -> {plan.target_format}, compression {plan.compression}")
        return convert.execute(plan, progress)


def _record(task: Task, source: SourceFile, result: ImageResult, render: Render) -> TaskRecord:
    record = TaskRecord(
        key=task.key,
        state="done",
        source_sha256=source.hash_by(SHA256) or _hash_in_cloud(result, SHA256),
        source_sha512=task.sha512,
        source_sha256_chunks=source.hash_by(SHA256_CHUNKS) or _hash_in_cloud(result, SHA256_CHUNKS),
        source_identity=source.identity,
        size_before_bytes=source.size_bytes or None,
        size_after_bytes=_size_after(result),
        image_ids=_image_ids(task, result),
        exit_status=EXIT_OK,
        report=render(result),
    )
    for failure in result.uploads:
        if isinstance(failure, UploadFailure):
            message = f"{failure.plan.cloud}: {failure.message}"
            return replace(
                record, state="failed", exit_status=failure.exit_status, message=message, hint=failure.hint
            )
    down = next((one for one in result.cloud_boots if not one.passed), None)
    if result.judgement is not None and (down or not result.fit):
        message, hint = _why_unfit(task, result)
        return replace(
            record,
            state="check-failed",
            exit_status=EXIT_CHECK_FAILED,
            message=f"{down.cloud}: {down.problem}" if down else message,
            hint=_what_stays(down) if down else hint,
        )
    return record


def _what_stays(down: CloudBoot) -> str:
    """The image was uploaded, and is not what it should be."""
    again = f"imgtool boot {down.image_id} --cloud {down.cloud}"
    return f"the image stays there; to try it again: {again}; to delete it: {down.delete_command}"


def _why_unfit(task: Task, result: ImageResult) -> tuple[str, str]:
    if result.fix is not None and result.fix.problem is not None:
        return result.fix.problem, "the report has what the guest said"
    findings = result.judgement.findings if result.judgement is not None else ()
    failing = [finding.check for finding in findings if finding.fails_image]
    return f"checks failed: {', '.join(failing)}", _how_to_see_why(task)


def _how_to_see_why(task: Task) -> str:
    """A command that can be pasted, where the names allow that."""
    operand, policy = shell_operands([task.source]), shell_word(task.policy)
    if operand is None or policy is None:
        return "the report has the reason of each, and what to do"
    by = "" if task.policy == OPENSTACK.name else f" --policy {policy}"
    return f"`imgtool check{by} {operand}` says why, and what to do"


def _hash_in_cloud(result: ImageResult, algorithm: SourceHash) -> str | None:
    """What the upload computed for the image's provenance."""
    name = glance.source_hash(algorithm, "").name
    properties = result.upload_plans[0].properties if result.upload_plans else ()
    return next((one.value for one in properties if one.name == name), None)


def _size_after(result: ImageResult) -> int | None:
    if result.conversion is not None:
        return result.conversion.file_size_bytes
    sizes = [one.size_bytes for one in result.uploads if not isinstance(one, UploadFailure)]
    return sizes[0] if sizes else None


def _image_ids(task: Task, result: ImageResult) -> dict[str, str]:
    pairs = zip(task.clouds, result.uploads, strict=False)
    return {name.label: one.image_id for name, one in pairs if not isinstance(one, UploadFailure)}
