"""What is inside a Linux guest."""

from dataclasses import dataclass
from typing import Literal

from imgtool.model.facts import NOT_READ, Fact, Known
from imgtool.model.kernel import Kernel
from imgtool.model.services import NO_USER_SPACE, AgentFacts, CloudInitFacts, FirstBoot, UserSpaceFacts

MachineId = Literal["missing", "empty", "uninitialized", "set"]


@dataclass(frozen=True, slots=True)
class DeviceReference:
    """A device that the guest's boot depends on, as its configuration names it."""

    source: str
    """Where that stands: `/etc/fstab`, or the boot loader's file."""
    device: str
    """As written: UUID=..., LABEL=..., /dev/vg/root, /dev/sda1."""
    mount_point: str
    resolves: bool | None
    """The disk has what it names; None where that cannot be told."""
    stable: bool
    """The name does not depend on the bus or on the order in which disks are found."""
    required: bool
    """The boot stops without it: neither `nofail` nor `noauto`."""
    problem: str | None = None
    """Of root=: why the boot stops though it is there: no root file system, another type, two of one name."""


@dataclass(frozen=True, slots=True)
class LinuxFacts:
    """What is inside a Linux guest."""

    os_distro: Fact[str]
    """os-release ID."""
    os_version: Fact[str | None]
    """os-release VERSION_ID; None where the distribution has none (rolling, testing)."""
    architecture: Fact[str]
    """As `uname -m` says it: x86_64, aarch64, ..."""
    kernels: Fact[tuple[Kernel, ...]]
    agent: AgentFacts
    cloud_init: CloudInitFacts
    machine_id: Fact[MachineId]
    ssh_host_keys: Fact[tuple[str, ...]]
    """Guest paths of private host keys."""
    root_filesystem: str
    """Type of the root file system: ext4, xfs, btrfs."""
    root_on_lvm: bool
    command_line: Fact[str] = NOT_READ
    """What the boot loader gives to the kernel that boots."""
    device_references: Fact[tuple[DeviceReference, ...]] = NOT_READ
    """Of `root=` and of fstab."""
    root_is_last: Fact[bool] = NOT_READ
    """Nothing stands between the root's partition and the end of the disk."""
    can_grow: Fact[bool] = NOT_READ
    """growpart, or something as good, is there for the first boot."""
    pinned_macs: Fact[tuple[str, ...]] = NOT_READ
    """Guest paths that tie an interface to a hardware address."""
    lvm_devices_file: Fact[bool] = NOT_READ
    """/etc/lvm/devices/system.devices names devices of the machine that it was made on."""
    secrets: Fact[tuple[str, ...]] = NOT_READ
    """What should not be in an image that many use: guest paths and what kind of thing stands there."""
    first_boot: Fact[FirstBoot | None] = NOT_READ
    """What sets an instance up where cloud-init does not; None where nothing is known to."""
    found_files: Fact[tuple[str, ...]] = NOT_READ
    """Guest paths of what was looked for and is there (`GuestQuery.files`)."""
    root_on_raid: bool = False
    """The root is on a mirror of Linux' software RAID."""
    user_space: UserSpaceFacts = NO_USER_SPACE
    """From init to the default target."""
    build_date: Fact[str] = NOT_READ
    """Of the newest package, YYYY-MM-DD; read only where it is wanted (`GuestQuery.dates`)."""

    @property
    def default_kernel(self) -> Kernel | None:
        """The kernel that the boot loader starts by itself; None where that is not known."""
        kernels = self.kernels.value if isinstance(self.kernels, Known) else ()
        defaults = [kernel for kernel in kernels if kernel.default]
        return defaults[0] if len(defaults) == 1 else None
