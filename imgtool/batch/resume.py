"""What an earlier run did, and is there still: the same source, the same settings, and the target."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from imgtool.batch import sources, staging
from imgtool.batch.cloud_query import CloudQuery
from imgtool.convert.digest import hash_of_file
from imgtool.errors import ImageUnreadableError
from imgtool.fetch.urls import is_url
from imgtool.model.batch import Task, TaskRecord
from imgtool.model.image import FileIdentity
from imgtool.model.source import SHA256, SHA256_CHUNKS

DONE = frozenset({"done", "skipped"})

Earlier = Mapping[str, TaskRecord]
"""By key: what the journal says."""


def query(tasks: Sequence[Task], earlier: Earlier, uploads: Path) -> CloudQuery:
    """Which images have to be looked for, in order to know what is done."""
    wanted: dict[str, list[str]] = {}
    clouds = dict.fromkeys(cloud for task in tasks for cloud in task.clouds)
    for task in tasks:
        record = earlier.get(task.key)
        for label, image_id in record.image_ids.items() if record and record.state in DONE else ():
            wanted.setdefault(label, []).append(image_id)
    return CloudQuery(tuple(clouds), uploads, {label: tuple(ids) for label, ids in wanted.items()})


def kept(task: Task, record: TaskRecord, there: Mapping[str, Sequence[str]]) -> TaskRecord | None:
    """The record as it stays where nothing is left to do; None otherwise. `there`: active images, by cloud.

    The key of a task has its settings in it. Reads the source where the file seems another one, but may have
    the same bytes; then the record knows it as it is now, and the next run need not read it.
    """
    if record.state not in DONE:
        return None
    if task.output is not None and not staging.is_there(task.output, record.output_identity):
        return None
    for cloud in task.clouds:
        if record.image_ids.get(cloud.label) not in there.get(cloud.label, ()):
            return None
    return _with_source(task, record)


def owns(task: Task, identity: FileIdentity | None) -> bool:
    """Whether the file at the task's output is that one, which an earlier run of this batch made."""
    return task.output is not None and staging.is_there(task.output, identity)


def _with_source(task: Task, record: TaskRecord) -> TaskRecord | None:
    """The record with the identity that its source has now; None where that is another source."""
    hashes = ((task.sha256, record.source_sha256), (task.sha512, record.source_sha512))
    as_meant = all(wanted in {None, found} for wanted, found in hashes)
    if is_url(task.source) or not as_meant:
        return record if as_meant else None
    named = (one for one in (task.source, sources.data_file(task.source)) if one is not None)
    files = [Path(os.path.realpath(one)) for one in named]
    if any(staging.is_there(one, record.source_identity) for one in files):
        return record
    for one in files:
        # Before it is read: what is written to it meanwhile makes it another file.
        identity = staging.file_identity(one)
        if _has_noted_hash(one, record):
            return replace(record, source_identity=identity)
    return None


def _has_noted_hash(path: Path, record: TaskRecord) -> bool:
    """Compared by a hash that the record has, whichever would be noted today; the cheaper of two."""
    for algorithm, noted in ((SHA256_CHUNKS, record.source_sha256_chunks), (SHA256, record.source_sha256)):
        if noted is not None:
            return _hash(path, algorithm) == noted
    return False


def _hash(path: Path, algorithm: str) -> str | None:
    try:
        return hash_of_file(path, algorithm)
    except ImageUnreadableError:
        return None
