"""Servers that a cloud started: one that came up, one that stopped, and one that could not be tried."""

from dataclasses import replace

from support import facts
from support import stories as made

from imgtool.checks.registry import judge
from imgtool.model.boot import CloudInitRun, Diagnosis, StageTime
from imgtool.model.cloud_boot import NOT_TRIED, CloudBoot
from imgtool.model.facts import Known, Unknown
from imgtool.model.inspection import Inspection
from imgtool.model.result import ImageResult

GOOD = CloudBoot(
    cloud="prod",
    image_id="4dd7dce6-2820-407a-b01c-4a6956d8a99a",
    image_name="golden",
    server_id="991151c6-28c1-4c03-a59e-75df37d088b4",
    flavor="m1.micro",
    status="ACTIVE",
    seconds=142.0,
    active_seconds=12.0,
    stages=(StageTime("kernel", 21.0), StageTime("user-space", 56.0)),
    cloud_init=Known(CloudInitRun(done=True, datasource="DataSourceOpenStackLocal"), "console"),
    agent=Known(value=True, evidence="it set a password"),
    delete_command="openstack --os-cloud prod image delete 4dd7dce6-2820-407a-b01c-4a6956d8a99a",
)
STOPPED = replace(
    GOOD,
    agent=Unknown("it was not asked"),
    snapshot=Unknown("it came to none"),
    root_grown=Unknown("cloud-init did not tell"),
    diagnosis=Diagnosis("initramfs", "no root file system", ("ALERT!",), "add virtio"),
    log=("Gave up waiting", "(initramfs)"),
    problem="no root file system",
)
UNTRIED = replace(
    GOOD, server_id=None, status=NOT_TRIED, stages=(), problem="no server could be tried: HTTP 503"
)


def started(*servers: CloudBoot) -> Inspection:
    """A healthy image of which clouds started these servers."""
    return replace(facts.inspection(), cloud_boots=servers)


def told(*servers: CloudBoot) -> ImageResult:
    """The result of an image that was uploaded, with these servers."""
    inspection = started(*servers)
    return replace(made.good(), inspection=inspection, judgement=judge(inspection), cloud_boots=servers)
