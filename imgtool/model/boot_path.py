"""The way of a boot, told before it happens: one step for each program that takes it, and where it stops."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

StepName = Literal[
    "firmware", "loader", "entry", "kernel", "initramfs", "root", "init", "target", "cloud-init", "agent"
]
StepOutcome = Literal["goes-on", "waits", "stops", "unknown", "not-reached"]
FirmwareName = Literal["bios", "uefi"]
FIRMWARES: Mapping[FirmwareName, str] = {"bios": "BIOS", "uefi": "UEFI"}
"""As people write them."""
SERVICES: tuple[StepName, ...] = ("cloud-init", "agent")
"""Steps without which the system comes up all the same."""


@dataclass(frozen=True, slots=True)
class BootStep:
    """What one program does with the disk."""

    name: StepName
    outcome: StepOutcome
    summary: str
    """What happens, in a few words: `GRUB from core.img`, `Debian GNU/Linux after 5 s`."""
    place: str = ""
    """Where that was read: a path, a partition, a sector."""
    buses: tuple[str, ...] = ()
    """Of the initramfs: on which its root is reached, `virtio-blk`, `virtio-scsi`."""


@dataclass(frozen=True, slots=True)
class BootPath:
    """The steps of a boot by one kind of firmware, in their order."""

    firmware: FirmwareName
    steps: tuple[BootStep, ...]
    used: bool = True
    """Nova boots the image in this way, by the properties that it is uploaded with."""

    @property
    def stop(self) -> BootStep | None:
        """The first step that does not go on; None where the system comes up, whatever serves in it."""
        ways = (step for step in self.steps if step.name not in SERVICES)
        return next((step for step in ways if step.outcome != "goes-on"), None)

    @property
    def starts_a_kernel(self) -> bool:
        """A boot loader loads a kernel that can be started."""
        return any(step.name == "kernel" and step.outcome == "goes-on" for step in self.steps)
