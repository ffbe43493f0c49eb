"""The data that flows through imgtool, in the order in which it flows. Every type is frozen.

    path -> DiskImage -> GuestFacts -> Inspection -> Finding -> ConversionPlan -> ConversionResult
         -> UploadPlan -> UploadResult -> Story

Sizes and offsets end in `_bytes`. What was read from a guest is a `Fact`: known, with its evidence,
or unknown, with the reason. Unknown is never absent and never a pass.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Generic, Literal, TypeVar

SCHEMA_VERSION = 1

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


# ---------------------------------------------------------------- facts


@dataclass(frozen=True, slots=True)
class Known(Generic[T_co]):
    """A fact that was read. `evidence` is the guest path and what stood there."""

    value: T_co
    evidence: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A fact that could not be read, and why."""

    reason: str


Fact = Known[T] | Unknown


_NOT_READ = Unknown("it was not read")


# ---------------------------------------------------------------- the image file


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """Which file it was, to notice when it is changed or replaced while in use: st_dev, st_ino, ..."""

    device: int
    inode: int
    size_bytes: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class DiskImage:
    """An image file that has passed the gate (`formats.gate`), and what its headers say."""

    path: Path
    """Absolute, symbolic links resolved: the only name that other programs are given."""
    format: str
    """qemu-img's name of the format: raw, qcow2, vmdk, vdi, vpc, vhdx, ..."""
    virtual_size_bytes: int
    """Size of the disk; 0 where it shows only when the file, compressed as a whole, is decompressed."""
    file_size_bytes: int
    allocated_bytes: int
    identity: FileIdentity
    format_evidence: str
    """What the content showed, and whether the caller said the same."""
    wrapper: str | None = None
    """gzip, xz, zstd or bzip2 where the file was compressed as a whole, else None."""
    cluster_size_bytes: int | None = None
    compression_type: str | None = None
    """qcow2: zlib or zstd, the method of its compressed clusters, if it has any."""
    version: int | None = None
    snapshots: int = 0
    encrypted: bool = False
    streamed: bool = False
    """`path` holds only the first bytes of what comes from stdin."""
    unpacked_from: "DiskImage | None" = None
    """The compressed file, or stdin, that this is a temporary copy of."""

    @property
    def origin(self) -> "DiskImage":
        """The file that the user named: what messages and reports speak of."""
        return self.unpacked_from or self


# ---------------------------------------------------------------- the guest

ModuleState = Literal["builtin", "module", "missing", "unknown"]


@dataclass(frozen=True, slots=True)
class LookFor:
    """What a policy wants to be looked for in the guest, besides what always is."""

    modules: tuple[str, ...] = ()
    """Kernel modules, by the names that `lsmod` prints."""
    files: tuple[str, ...] = ()
    """Absolute guest paths; `*`, `?` and `[...]` stand for parts of one name, `**` for any directories."""


NOTHING_ELSE = LookFor()
"""What is looked for without a policy that asks for more."""

MODULES_OF_INTEREST = (
    "virtio",
    "virtio_ring",
    "virtio_pci",
    "virtio_blk",
    "virtio_scsi",
    "sd_mod",
    "virtio_net",
    "virtio_console",
    "virtio_balloon",
    "virtio_rng",
    "ext4",
    "xfs",
    "btrfs",
    "dm_mod",
)
"""The kernel modules that are looked for, by the names that `lsmod` prints."""


@dataclass(frozen=True, slots=True)
class FilesystemFacts:
    """One file system of the disk."""

    device: str
    """`disk` (no partition table), `partition 1`, or `vg/lv`."""
    type: str
    label: str | None
    uuid: str | None
    mount_point: str | None
    """Where the guest mounts it, by its fstab; None where it does not."""
    clean: Fact[bool] = _NOT_READ
    """It was unmounted: no journal or log has to be replayed."""
    partitions: tuple[int, ...] = ()
    """Numbers of the partitions that it lies on; none where it has the disk to itself."""


@dataclass(frozen=True, slots=True)
class PartitionFacts:
    """One entry of the partition table."""

    number: int
    """As Linux counts: logical partitions from 5."""
    type: str
    """GPT: the type's GUID in small letters; MBR: `0x83`."""
    label: str | None
    """GPT's name of it."""
    start_bytes: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Firmware:
    """What can start this disk."""

    bios: bool
    uefi: bool
    fallback_loader: str | None = None
    """Path on the ESP of the loader that UEFI starts with an empty NVRAM, e.g. EFI/BOOT/BOOTX64.EFI."""


@dataclass(frozen=True, slots=True)
class Initramfs:
    """One initramfs file, read to its end."""

    path: str
    compression: str
    """Of the main segment: none, gzip, xz, lzma, zstd, bzip2, lz4, lzo."""
    generator: str | None
    """initramfs-tools, dracut, mkinitcpio, or None where no trace tells."""
    host_only: bool | None
    """True where it was made for one machine only, None where no trace tells."""
    modules: Mapping[str, ModuleState]
    evidence: Mapping[str, str]
    """For each module that was found, its path in the archive (or in the kernel's lists)."""
    problem: str | None = None
    """Why it is not whole (truncated, no main segment), or None."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """One installed kernel: a directory of /usr/lib/modules."""

    version: str
    default: bool
    """It is the one that will boot."""
    default_evidence: str
    image: str | None
    """Path of the kernel image, e.g. /boot/vmlinuz-6.1.0-41-cloud-amd64."""
    modules: Mapping[str, ModuleState]
    evidence: Mapping[str, str]
    """For each module that is not missing, the path or list where it was seen."""
    initramfs: Fact[Initramfs | None]
    """Known(None): there is none for this kernel, and the evidence says where it was looked for."""


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """qemu-guest-agent: whether it will really run."""

    installed: Fact[bool]
    version: Fact[str | None]
    enabled: Fact[bool]
    enabled_by: Fact[str | None]
    """What starts it (a udev rule, a wants link, a runlevel), or what prevents it."""
    channel: Fact[bool]
    """The default kernel has the virtio_console driver for its port."""
    filtered_rpcs: Fact[tuple[str, ...]]
    """RPCs that its configuration forbids."""


@dataclass(frozen=True, slots=True)
class CloudInitFacts:
    """cloud-init: there, on, and which datasources it may use (empty: its default list)."""

    installed: Fact[bool]
    enabled: Fact[bool]
    datasources: Fact[tuple[str, ...]]
    default_user: Fact[str | None]
    leftovers: Fact[tuple[str, ...]] = _NOT_READ
    """Guest paths of what an instance that ran left behind."""
    version: Fact[str | None] = _NOT_READ
    """By the package database; None where it has no such package."""


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
    command_line: Fact[str] = _NOT_READ
    """What the boot loader gives to the kernel that boots."""
    device_references: Fact[tuple[DeviceReference, ...]] = _NOT_READ
    """Of `root=` and of fstab."""
    root_is_last: Fact[bool] = _NOT_READ
    """Nothing stands between the root's partition and the end of the disk."""
    can_grow: Fact[bool] = _NOT_READ
    """growpart, or something as good, is there for the first boot."""
    pinned_macs: Fact[tuple[str, ...]] = _NOT_READ
    """Guest paths that tie an interface to a hardware address."""
    lvm_devices_file: Fact[bool] = _NOT_READ
    """/etc/lvm/devices/system.devices names devices of the machine that it was made on."""
    secrets: Fact[tuple[str, ...]] = _NOT_READ
    """What should not be in an image that many use: guest paths and what kind of thing stands there."""
    found_files: Fact[tuple[str, ...]] = _NOT_READ
    """Guest paths of what was looked for and is there (`LookFor.files`)."""


@dataclass(frozen=True, slots=True)
class WindowsDriver:
    """One virtio driver of a Windows guest."""

    name: str
    """Of its service: viostor, vioscsi, netkvm, VirtioSerial."""
    start: int | None
    """Start of the service, StartOverride considered: 0 is at boot, 3 on demand; None where it has none."""
    file: str | None
    """Guest path of its .sys, None where that is missing."""
    device_ids: tuple[str, ...]
    """PCI ids that the driver database binds to it, as VEN_1AF4&DEV_1001."""


@dataclass(frozen=True, slots=True)
class WindowsFacts:
    """What is inside a Windows guest."""

    product: Fact[str]
    """ProductName: Windows Server 2022 Datacenter."""
    version: Fact[str]
    """Major.minor.build: 10.0.20348."""
    architecture: Fact[str]
    """As `uname -m` would say it: x86_64, i686, aarch64."""
    drivers: Fact[tuple[WindowsDriver, ...]]
    """Those of virtio that are installed."""
    agent: AgentFacts
    cloud_init: Fact[bool]
    """Cloudbase-Init is installed."""
    hibernated: Fact[bool]
    """hiberfil.sys holds a hibernated system (fast startup leaves one too)."""


@dataclass(frozen=True, slots=True)
class GuestFacts:
    """What is on the disk. `linux` is None where no Linux system was found, and `reason` says why."""

    status: Literal["known", "unknown"]
    reason: str
    filesystems: tuple[FilesystemFacts, ...] = ()
    firmware: Fact[Firmware] = Unknown("the disk was not read")
    linux: LinuxFacts | None = None
    windows: WindowsFacts | None = None
    partition_table: Literal["gpt", "mbr", "none"] | None = None
    """None where it could not be read."""
    partitions: tuple[PartitionFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class DiskMap:
    """Where an image file keeps data of its disk: the disk in cells of one size, in order."""

    size_bytes: int
    cell_bytes: int
    """Of each cell; the last one may go on beyond the end of the disk."""
    filled: tuple[float, ...]
    """For each cell the share of it, 0 to 1, that is kept; the rest is holes and zeros. Of disks with very
    many clusters or extents an estimate, from samples."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """All that is known of one image; what the checks judge."""

    image: DiskImage
    guest: GuestFacts
    consistent: Fact[bool] = _NOT_READ
    """`qemu-img check` finds no corruption; true of formats that have nothing to check. Leaked clusters
    only waste space: they stand in the evidence."""
    disk_map: DiskMap | None = None
    """None where nobody asked for it, or where neither the file nor its file system can tell."""


# ---------------------------------------------------------------- the judgement


class Outcome(StrEnum):
    """What a check found. Only PASS and SKIPPED (it does not apply) let an image through."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    ERROR = "error"


class Severity(StrEnum):
    """What it means for the image when a check does not pass."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """The judgement of one check."""

    check: str
    outcome: Outcome
    severity: Severity
    message: str
    evidence: str = ""
    remedy: str = ""

    @property
    def fails_image(self) -> bool:
        """Severity error, and neither passed nor skipped: unknown is never a pass."""
        return self.severity is Severity.ERROR and self.outcome not in {Outcome.PASS, Outcome.SKIPPED}


@dataclass(frozen=True, slots=True)
class Judgement:
    """All findings of one image."""

    image: str
    findings: tuple[Finding, ...]
    policy: str = "openstack"
    """Name of the profile, or path of the file, by which it was judged."""

    @property
    def passed(self) -> bool:
        """At least one check ran, and none of severity error did anything but pass."""
        ran = any(finding.outcome is not Outcome.SKIPPED for finding in self.findings)
        return ran and not any(finding.fails_image for finding in self.findings)


# ---------------------------------------------------------------- the conversion

Compression = Literal["none", "zlib", "zstd"]
Engine = Literal["native", "qemu-img"]
Preallocation = Literal["off", "falloc", "full"]
Verification = Literal["none", "check", "full"]


@dataclass(frozen=True, slots=True)
class ConversionOptions:
    """How to convert: what has a good default."""

    engine: Literal["auto", "native", "qemu-img"] = "auto"
    level: int | None = None
    """Of the compression; None is its fastest."""
    cluster_size_bytes: int = 64 << 10
    """Of a qcow2 target."""
    threads: int | None = None
    """None is one for each core and one more."""
    preallocation: Preallocation = "off"
    """Of a raw target: holes, space reserved for all of it, or all of it written."""
    use_extents: bool = True
    """Trust the file system about holes in a raw source."""
    verify: Verification = "check"
    """none: the gate only. check: `qemu-img check` too, for qcow2. full: also compare all bytes."""


@dataclass(frozen=True, slots=True)
class ConversionPlan:
    """What a conversion will do; a value that can be printed."""

    source: DiskImage
    target: Path
    target_format: Literal["raw", "qcow2"]
    compression: Compression
    engine: Engine
    engine_reason: str
    overwrite: bool = False
    options: ConversionOptions = ConversionOptions()


@dataclass(frozen=True, slots=True)
class ConversionResult:
    """What a conversion did."""

    plan: ConversionPlan
    file_size_bytes: int
    allocated_bytes: int
    seconds: float
    virtual_size_bytes: int = 0
    data_bytes: int | None = None
    """Of the disk that were not zero and were copied; None where the engine does not tell."""
    cloned_bytes: int = 0
    """Of the disk that the target shares with the source by reflink; neither read nor written."""


# ---------------------------------------------------------------- the delivery


@dataclass(frozen=True, slots=True)
class Property:
    """One image property for Glance, and why it has this value."""

    name: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class UploadPlan:
    """What an upload will do; a value that can be printed."""

    cloud: str
    name: str
    image: DiskImage
    disk_format: str
    min_disk_gib: int
    visibility: str
    properties: tuple[Property, ...]
    container_format: str = "bare"


@dataclass(frozen=True, slots=True)
class UploadResult:
    """What Glance has now: verified against what was sent."""

    plan: UploadPlan
    image_id: str
    status: str
    size_bytes: int
    hash_algorithm: str
    hash_value: str
    seconds: float


# ---------------------------------------------------------------- the whole story


@dataclass(frozen=True, slots=True)
class Story:
    """How far one image came; what reports tell.

    No inspection where the gate refused it, no plans where a check failed or only a check was wanted,
    no results where only the plan was wanted.
    """

    judgement: Judgement
    inspection: Inspection | None = None
    conversion_plan: ConversionPlan | None = None
    conversion: ConversionResult | None = None
    upload_plan: UploadPlan | None = None
    upload: UploadResult | None = None
