"""What is on the disk and in the guest, and the family of its system where that is set up in its own way."""

from dataclasses import dataclass
from typing import Literal

from imgtool.model.boot_path import BootPath
from imgtool.model.facts import NOT_READ, Fact
from imgtool.model.inventory import NO_INVENTORY, Inventory
from imgtool.model.layout import NO_FAULTS, FilesystemFacts, Firmware, PartitionFacts, TableFaults
from imgtool.model.linux import LinuxFacts
from imgtool.model.secure_boot import SecureBoot
from imgtool.model.windows import WindowsFacts


@dataclass(frozen=True, slots=True)
class Family:
    """What is known of such a system by its kind alone."""

    name: str
    """For scripts: ostree, nixos, flatcar, talos, ..."""
    title: str
    """For people: `Talos Linux`, `an OSTree system`."""
    evidence: str
    """What on the disk shows it."""
    note: str
    """What is judged of it and what is not, in a sentence."""
    read: bool = True
    """Its files are read and judged like any other Linux's; else it is only recognised."""
    first_boot: str | None = None
    """What sets an instance up in cloud-init's place, where its vendor says so: Ignition, cirros-init, ..."""
    has_agent: bool = True
    """The vendor's images have qemu-guest-agent, or can; False: by design they have none."""


@dataclass(frozen=True, slots=True)
class GuestFacts:
    """What is on the disk. `linux` is None where no Linux system was found, and `reason` says why."""

    status: Literal["known", "unknown"]
    reason: str
    filesystems: tuple[FilesystemFacts, ...] = ()
    firmware: Fact[Firmware] = NOT_READ
    linux: LinuxFacts | None = None
    windows: WindowsFacts | None = None
    partition_table: Literal["gpt", "mbr", "none"] | None = None
    """None where it could not be read."""
    family: Family | None = None
    """Of a system of a kind of its own; None for all others, and where there is none."""
    data_only: bool = False
    """All of the disk could be looked at, nothing on it starts a machine, and no system was found."""
    partitions: tuple[PartitionFacts, ...] = ()
    table_faults: TableFaults = NO_FAULTS
    boot_paths: tuple[BootPath, ...] = ()
    """By BIOS and by UEFI; none where the disk could not be read."""
    secure_boot: Fact[SecureBoot] = NOT_READ
    """What Secure Boot makes of what UEFI starts."""
    inventory: Inventory = NO_INVENTORY
    """Packages, accounts, settings: as far as they were asked for."""

    @property
    def boot_path(self) -> BootPath | None:
        """The one that Nova uses."""
        return next((path for path in self.boot_paths if path.used), None)
