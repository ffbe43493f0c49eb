"""What `imgtool batch`, `explain` and `doctor` print as JSON, and errors."""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from imgtool.model.batch import TaskState
from imgtool.model.conversion import Compression
from imgtool.model.delivery import Metadata, OnConflict
from imgtool.model.source import SourceHash


class Problem(TypedDict):
    """What went wrong: a stable code, what happened, what to do next."""

    code: str
    message: str
    hint: str


class FirstProblem(Problem):
    """What went wrong first, and what else is wrong in the same file."""

    others: NotRequired[list[Problem]]


class Error(TypedDict):
    """What any command prints with --output json where it fails."""

    error: FirstProblem


class ProblemOf(TypedDict):
    """Why nothing was done with an image in a cloud."""

    cloud: str
    name: str
    error: Problem


class Task(TypedDict):
    """What a batch will do with one image."""

    key: str
    name: str
    source: str
    sha256: str | None
    sha512: str | None
    source_format: str | None
    target_format: Literal["auto", "raw", "qcow2"]
    compression: Compression
    output: str | None
    clouds: list[str]
    visibility: str
    on_conflict: OnConflict
    keep_last: int | None
    metadata: Metadata | None
    properties: dict[str, str]
    derive: bool
    source_hash: SourceHash
    policy: str
    boot: bool
    deadline_seconds: float
    retries: int
    where: str


class PlanProblem(TypedDict):
    """What will make one image fail."""

    key: str
    message: str


class BatchPlan(TypedDict):
    """What `imgtool batch --dry-run` prints."""

    schema_version: Literal[1]
    manifest: str
    images: list[Task]
    problems: list[PlanProblem]


class TaskProblem(TypedDict):
    """Why an image did not come to a good end."""

    message: str
    hint: str


class Record(TypedDict):
    """How far one image of a batch came."""

    key: str
    name: str
    state: TaskState
    stage: str | None
    attempts: int
    started: float | None
    ended: float | None
    started_at: str | None
    ended_at: str | None
    seconds: float
    source_sha256: str | None
    source_sha512: str | None
    source_sha256_chunks: str | None
    size_before_bytes: int | None
    size_after_bytes: int | None
    image_ids: dict[str, str]
    exit_status: int | None
    error: TaskProblem | None
    report: NotRequired[Mapping[str, Any] | None]


class Batch(TypedDict):
    """What `imgtool batch` prints, and where one stands with --status."""

    schema_version: Literal[1]
    manifest: str
    phase: Literal["none", "running", "ended", "stopped before its end"]
    began: float | None
    ended: float | None
    began_at: str | None
    ended_at: str | None
    seconds_left: float | None
    counts: dict[str, int]
    images: list[Record]


class Explained(TypedDict):
    """One check and, with --policy, how it is applied."""

    check: str
    severity: Literal["error", "warning", "info", "off"]
    explanation: str
    unknown: NotRequired[Literal["error", "warning", "info"] | None]
    parameters: NotRequired[dict[str, Any]]
    set_by: NotRequired[dict[str, str]]


class Explanations(TypedDict):
    """What `imgtool explain` prints."""

    schema_version: Literal[1]
    policy: NotRequired[str]
    checks: list[Explained]


class Item(TypedDict):
    """One thing that `imgtool doctor` looked at."""

    name: str
    state: Literal["ok", "note", "missing"]
    detail: str
    remedy: str
    needed_by: str


class Topic(TypedDict):
    """A chapter of the manual, and the commands that it explains."""

    topic: str
    title: str
    commands: list[str]


class Chapter(Topic):
    """What `imgtool help TOPIC` prints."""

    schema_version: Literal[1]
    text: str


class Topics(TypedDict):
    """What `imgtool help` prints."""

    schema_version: Literal[1]
    topics: list[Topic]


class Doctor(TypedDict):
    """What `imgtool doctor` prints."""

    schema_version: Literal[1]
    items: list[Item]
