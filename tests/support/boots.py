"""Boots as facts: one that went well, and ways to spoil it."""

from dataclasses import replace
from typing import Any

from support import facts
from support.facts import known

from imgtool.model.boot import AgentFacts, BootResult, CloudInitRun, Diagnosis, Difference, StageTime
from imgtool.model.inspection import Inspection

STAGES = (
    StageTime("firmware", 0.4),
    StageTime("boot-loader", 1.6),
    StageTime("kernel", 3.1),
    StageTime("initramfs", 5.25),
    StageTime("user-space", 7.5),
    StageTime("agent", 13.75),
)
FINISHED = (
    "Cloud-init v. 22.4.2 finished at Mon, 23 Nov 2026 00:00:00 +0000. Datasource DataSourceConfigDrive"
)


def boot(**changed: Any) -> BootResult:
    healthy = BootResult(
        bus="virtio-blk",
        firmware="uefi",
        accelerator="tcg",
        accelerator_reason="/dev/kvm is not there",
        answered=True,
        seconds=13.75,
        stages=STAGES,
        agent=AgentFacts(version=known("7.2.22"), os_id=known("debian"), os_version=known("12")),
        cloud_init=known(CloudInitRun(done=True, datasource="DataSourceConfigDrive"), FINISHED),
        log=("debian login:",),
        root_grown=known(True),
    )
    return replace(healthy, **changed)


def stopped(stage: str = "initramfs", **changed: Any) -> BootResult:
    """It came no further than `stage`."""
    found = Diagnosis(
        stage=stage,  # type: ignore[arg-type]  # a test gives only stages
        cause="the disk is there, but the root file system (UUID=0000-1111) is not on it",
        evidence=("ALERT!  UUID=0000-1111 does not exist.  Dropping to a shell!", "(initramfs)"),
        remedy="correct root= on the kernel's command line: `update-grub`",
    )
    failed = boot(
        answered=False,
        agent=None,
        cloud_init=facts.UNREADABLE,
        diagnosis=found,
        stages=STAGES[:4],
        root_grown=facts.UNREADABLE,
    )
    return replace(failed, **changed)


def booted(*boots: BootResult, **changed: Any) -> Inspection:
    """A healthy image with these boots; one on each bus where none is named."""
    return facts.inspection(boots=boots or (boot(), boot(bus="virtio-scsi")), **changed)


KERNEL_DIFFERS = Difference("kernel", "6.1.0-41-cloud-amd64", "6.1.0-30-cloud-amd64")
