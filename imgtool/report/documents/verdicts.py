"""What `imgtool check` and `imgtool boot` print as JSON, and what of that stands in other documents."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from imgtool.model.boot import Accelerator, Bus, Stage
from imgtool.model.boot_path import FirmwareName
from imgtool.model.cloud_boot import SnapshotOutcome
from imgtool.model.verdict import Outcome, Severity
from imgtool.report.documents.delivery import Conversion, Deliveries, Delivery, LeftOut, NotDelivered
from imgtool.report.documents.facts import Inspection


class Finding(TypedDict):
    """What one check found."""

    check: str
    outcome: Outcome
    severity: Severity
    message: str
    evidence: str
    remedy: str
    because_of: str | None
    known: bool


class Judgement(TypedDict):
    """The verdict on one image."""

    image: str
    outcome: Literal["pass", "fail"]
    policy: str
    findings: list[Finding]


class StageTime(TypedDict):
    """A stage of a boot that was reached."""

    stage: Stage
    seconds: float


class Interface(TypedDict):
    """A network interface of the running guest."""

    name: str
    mac: str | None
    addresses: list[str]


class MountedFilesystem(TypedDict):
    """A file system of the running guest."""

    device: str
    mountpoint: str
    type: str
    total_bytes: int | None
    used_bytes: int | None


class RunningAgent(TypedDict):
    """What the agent told from inside; null is unknown, or not told."""

    version: str | None
    disabled_rpcs: list[str] | None
    os_id: str | None
    os_version: str | None
    kernel_release: str | None
    hostname: str | None
    interfaces: list[Interface] | None
    filesystems: list[MountedFilesystem] | None
    fsfreeze_status: str | None


class CloudInitRun(TypedDict):
    """What cloud-init said on the console."""

    done: bool
    datasource: str | None


class Difference(TypedDict):
    """What the running guest says otherwise than its disk."""

    fact: str
    inspected: str
    booted: str


class Diagnosis(TypedDict):
    """Where a boot stopped, and why."""

    stage: Stage
    cause: str
    evidence: list[str]
    remedy: str


class Boot(TypedDict):
    """One boot on this machine."""

    bus: Bus
    firmware: FirmwareName
    accelerator: Accelerator
    accelerator_reason: str
    answered: bool
    timed_out: bool
    seconds: float
    stages: list[StageTime]
    agent: RunningAgent | None
    cloud_init: CloudInitRun | None
    root_grown: bool | None
    differences: list[Difference]
    doubt: str | None
    diagnosis: Diagnosis | None
    log: list[str]
    unknown: dict[str, str]


class CloudBoot(TypedDict):
    """One server in a cloud."""

    cloud: str
    image_id: str
    name: str
    passed: bool
    problem: str | None
    server_id: str | None
    flavor: str
    status: str
    hypervisor: str | None
    seconds: float
    active_seconds: float | None
    stages: list[StageTime]
    login: bool
    cloud_init: CloudInitRun | None
    agent_answered: bool | None
    snapshot: SnapshotOutcome | None
    root_grown: bool | None
    diagnosis: Diagnosis | None
    delete_command: str | None
    log: list[str]
    unknown: dict[str, str]


class Repair(TypedDict):
    """What is done in the guest; the last three are null or empty where it was only planned."""

    checks: list[str]
    title: str
    script: str
    status: int | None
    seconds: float | None
    output: list[str]


class SealedMachine(TypedDict):
    """The run in which the guest repaired itself."""

    seconds: float
    clean: bool
    problem: str | None
    log: list[str]


class Repaired(TypedDict):
    """The repair of an image; `left` maps checks that fail to the reason why they have no repair."""

    problem: str | None
    repairs: list[Repair]
    left: dict[str, str]
    skipped: list[str]
    machine: SealedMachine | None
    before: list[Finding]


class Checked(Judgement):
    """The verdict on one image, and how far it came after that; what was not reached is left out."""

    boots: NotRequired[list[Boot]]
    fix: NotRequired[Repaired]
    conversion: NotRequired[Conversion]
    left_out: NotRequired[list[LeftOut]]
    upload: NotRequired[Delivery | NotDelivered]
    uploads: NotRequired[list[Delivery | NotDelivered]]


class Results(TypedDict):
    """What `imgtool check` and `--report json=PATH` give."""

    schema_version: Literal[1]
    results: list[Checked]


class Boots(TypedDict):
    """What `imgtool boot` prints."""

    schema_version: Literal[1]
    image: str
    boots: list[Boot]
    findings: list[Finding]


class BootInCloud(CloudBoot):
    """What `imgtool boot --cloud` prints."""

    schema_version: Literal[1]


class Prepared(Deliveries):
    """What `imgtool prepare` prints."""

    schema_version: Literal[1]
    inspection: Inspection | None
    result: Judgement | None
    boots: list[Boot]
    fix: Repaired | None
    conversion: Conversion | None
    left_out: list[LeftOut] | None
    cloud_boots: list[CloudBoot]


class Fixed(Repaired):
    """What `imgtool fix` gives."""

    schema_version: Literal[1]
    image: str
    after: list[Finding] | None
    boots: list[Boot]
    conversion: Conversion | None
