"""What starting an image showed: how it was started, how far it came, what its agent said from inside."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from imgtool.model.boot_path import FirmwareName
from imgtool.model.facts import NOT_READ, Fact

Stage = Literal["firmware", "boot-loader", "kernel", "initramfs", "user-space", "agent"]
STAGES: tuple[Stage, ...] = ("firmware", "boot-loader", "kernel", "initramfs", "user-space", "agent")
"""In the order in which a guest comes up."""

Bus = Literal["virtio-blk", "virtio-scsi"]
Cdrom = Literal["sata", "scsi"]
BUSES: tuple[Bus, ...] = ("virtio-blk", "virtio-scsi")

Accelerator = Literal["kvm", "tcg"]

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class BootOptions:
    """How to boot an image: on which hardware, and for how long."""

    buses: tuple[Bus, ...] = ("virtio-blk",)
    """One boot for each."""
    firmware: Literal["auto", "bios", "uefi"] = "auto"
    """`auto` follows the inspection."""
    secure_boot: bool = False
    """By UEFI with Secure Boot on and Microsoft's certificates enrolled."""
    timeout_seconds: float = 600.0
    """From power-on until the agent has to answer and cloud-init to end, for each boot."""
    memory_bytes: int = 1024 * MIB
    cpus: int = 2
    accel: Literal["auto", "kvm", "tcg"] = "auto"
    keep_log: Path | None = None
    """Where the whole serial log is to stay."""


@dataclass(frozen=True, slots=True)
class StageTime:
    """A stage was reached; `seconds` after power-on."""

    stage: Stage
    seconds: float


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Where a boot stopped, and why."""

    stage: Stage
    cause: str
    """One plain line."""
    evidence: tuple[str, ...]
    """The lines of the serial log that show it, the last ones where none does; printable."""
    remedy: str
    timed: bool = False
    """Somebody's patience ended, the guest's or imgtool's: more time might have shown something else."""


@dataclass(frozen=True, slots=True)
class CloudInitRun:
    """What cloud-init said on the console about its first boot."""

    done: bool
    """It finished."""
    datasource: str | None
    """As it names it, e.g. DataSourceConfigDrive; None where it did not say."""


@dataclass(frozen=True, slots=True)
class GuestInterface:
    """A network interface, as the guest sees it."""

    name: str
    mac: str | None
    addresses: tuple[str, ...]
    """With the length of the prefix: 10.0.2.15/24."""


@dataclass(frozen=True, slots=True)
class GuestFilesystem:
    """A mounted file system, as the guest sees it."""

    device: str
    mountpoint: str
    type: str
    total_bytes: int | None
    """None where the agent is too old to tell."""
    used_bytes: int | None


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """What qemu-guest-agent told from inside. Each is unknown, with the reason, where it did not."""

    version: Fact[str] = NOT_READ
    disabled_rpcs: Fact[tuple[str, ...]] = NOT_READ
    os_id: Fact[str] = NOT_READ
    """os-release ID."""
    os_version: Fact[str] = NOT_READ
    """os-release VERSION_ID."""
    kernel_release: Fact[str] = NOT_READ
    """As `uname -r` says it."""
    hostname: Fact[str] = NOT_READ
    interfaces: Fact[tuple[GuestInterface, ...]] = NOT_READ
    filesystems: Fact[tuple[GuestFilesystem, ...]] = NOT_READ
    fsfreeze_status: Fact[str] = NOT_READ
    """`thawed`, as it should be, or `frozen`."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The running guest says something else than the inspection of its disk."""

    fact: str
    """os_distro, os_version, agent_version, kernel or firmware."""
    inspected: str
    booted: str


@dataclass(frozen=True, slots=True)
class BootResult:
    """One boot, on one bus. Everything that comes from the guest is printable."""

    bus: Bus
    firmware: FirmwareName
    accelerator: Accelerator
    accelerator_reason: str
    """Why this one: `/dev/kvm ran a boot sector`, or what is wrong with KVM here."""
    answered: bool
    """The agent answered: the image comes up."""
    seconds: float
    """From power-on to the agent's answer, or to the end of waiting."""
    stages: tuple[StageTime, ...] = ()
    """Those that were reached, in order."""
    agent: AgentFacts | None = None
    """None where it did not answer."""
    cloud_init: Fact[CloudInitRun] = NOT_READ
    diagnosis: Diagnosis | None = None
    """None where the agent answered."""
    doubt: str | None = None
    """Why the diagnosis may not be of the image, and the boot says nothing of it; None where it stands."""
    log: tuple[str, ...] = ()
    """The last lines of the serial log."""
    differences: tuple[Difference, ...] = ()
    root_grown: Fact[bool] = NOT_READ
    """The root file system took the room that the disk has more than the image."""
    timed_out: bool = False
    """It ran until its time was over; else QEMU ended before the agent answered, or it did answer."""
