"""Many images: what is to be done with each, how far it came, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from imgtool.model.boot import BootOptions
from imgtool.model.choice import CheckChoice
from imgtool.model.cloud_boot import CloudBootOptions
from imgtool.model.conversion import Compression, ConversionOptions
from imgtool.model.delivery import CloudName, GlanceTarget
from imgtool.model.fix import FixOptions
from imgtool.model.image import FileIdentity
from imgtool.model.source import SourceHash

TaskState = Literal[
    "waiting", "running", "done", "failed", "refused", "check-failed", "skipped", "interrupted"
]
"""refused: by the gate, as unreadable or unsafe. skipped: an earlier run did it, and it is there still."""

FINAL_STATES: frozenset[TaskState] = frozenset({"done", "failed", "refused", "check-failed", "skipped"})
"""What a run leaves behind where nothing stopped it."""

GOOD_STATES: frozenset[TaskState] = frozenset({"done", "skipped"})
"""The image is where it was wanted."""


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """What the command line says of images that it names itself; a manifest has a key for `sparsify` only."""

    as_it_is: bool = False
    """The file is uploaded, as `imgtool upload` does it: neither judged nor converted."""
    conversion: ConversionOptions = field(default_factory=ConversionOptions)
    boot: BootOptions = field(default_factory=BootOptions)
    """How to boot an image here that is to be."""
    cloud_boot: CloudBootOptions | None = None
    """How to start a server from the image in each of its clouds; None: no server is."""
    fix: FixOptions | None = None
    """How the guest repairs a copy first, which is then delivered; None: it does not."""
    force_share: bool = False
    allow_snapshots: bool = False
    insist: bool = False
    choice: CheckChoice = field(default_factory=CheckChoice)
    bill: bool = False
    """A report of the whole batch will list all packages."""
    timeout_seconds: float = 900.0
    """How long Glance may take no bytes, or give no answer."""


@dataclass(frozen=True, slots=True)
class Task:
    """One image of a batch: all that a process needs in order to make it. No secret is in it."""

    key: str
    """Unique in its batch, the same in each run, and fit for a file's name: the name and a short hash."""
    source: str
    """Absolute path, or http(s) URL."""
    name: str
    """In Glance; where it is only made into a file, what reports call it."""
    wanted: GlanceTarget
    """Its name is `name`."""
    settings_hash: str
    """SHA-256, in hex, of all that decides what the result is, but for the source's bytes."""
    sha256: str | None = None
    """What the source's bytes must have, in hex; every URL has one of the two."""
    sha512: str | None = None
    """The same."""
    source_format: str | None = None
    """None: by content."""
    disk: str | None = None
    """Of an OVA, by its file's name; None: the only one."""
    target_format: Literal["auto", "raw", "qcow2"] = "qcow2"
    """auto: what suits the clouds."""
    store_type: str | None = None
    """For auto: what drives the stores, where the clouds do not tell."""
    compression: Compression = "none"
    output: Path | None = None
    """Absolute; a file to make, besides the uploads or, where there is no cloud, instead of them."""
    clouds: tuple[CloudName, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    """Image properties, over what the inspection says."""
    derive: bool = True
    """Also set the properties that the inspection gives."""
    source_hash: SourceHash = "sha256"
    """Which hash of the source is noted, in the record and in the clouds."""
    policy: str = "openstack"
    """A profile, or the absolute path of a policy file."""
    boot: bool = False
    """Also start the image, once nothing else stands in its way."""
    deadline_seconds: float = 4 * 3600.0
    """Of one attempt."""
    retries: int = 1
    """Attempts after the first, where what failed may go well another time."""
    where: str = ""
    """FILE:LINE of the manifest, or which argument of the command line."""
    options: TaskOptions = field(default_factory=TaskOptions)


@dataclass(frozen=True, slots=True)
class PlanProblem:
    """What will make one task fail, seen before it begins."""

    key: str
    message: str


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """What a batch will do; a value that can be printed."""

    manifest: Path
    """Where there is none, the command that names the images."""
    tasks: tuple[Task, ...]
    """In the manifest's order, or the command's; those of a pattern in the order of their paths."""
    problems: tuple[PlanProblem, ...] = ()
    """They stop nobody: each task fails alone."""


@dataclass(frozen=True, slots=True)
class StageRecord:
    """One stage that one task reached."""

    key: str
    attempt: int
    """From 1."""
    stage: str
    """inspect, check, convert, upload, ...: as the pipeline names them."""
    detail: str
    at: float
    """When it began: UTC, seconds since 1970."""


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """How far one task came, or what became of it."""

    key: str
    state: TaskState
    attempts: int = 0
    started: float | None = None
    """UTC, seconds since 1970; of the first attempt."""
    ended: float | None = None
    seconds: float = 0.0
    """Of all attempts together."""
    source_sha256: str | None = None
    source_identity: FileIdentity | None = None
    """Of the file when it was read, so that an unchanged one need not be read again for its hash."""
    size_before_bytes: int | None = None
    """Of the source's file."""
    size_after_bytes: int | None = None
    """Of the image that was made."""
    image_ids: Mapping[str, str] = field(default_factory=dict)
    """By `CloudName.label`."""
    output_identity: FileIdentity | None = None
    exit_status: int | None = None
    """As of the imgtool command that does the same; None while it has not ended."""
    message: str = ""
    hint: str = ""
    report: Mapping[str, Any] | None = None
    """The result as `report.as_json.prepared` makes it."""
    source_sha512: str | None = None
    """None where the manifest did not give one."""
    source_sha256_chunks: str | None = None
    """By `Task.source_hash`, as `source_sha256`."""


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How to run a plan: what the command line says of it."""

    journal: Path
    jobs: int | None = None
    """At a time; None is what the machine allows."""
    scheduler: str | None = None
    """Address of a dask.distributed scheduler; None: this machine only."""
    metrics: Path | None = None
    """Where to keep them for Prometheus."""
    fail_fast: bool = False
    """Begin no other image once one has failed; those that are being worked on are completed."""
