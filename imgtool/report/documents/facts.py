"""What `imgtool inspect --output json` prints."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from imgtool.model.boot_path import FirmwareName, StepName, StepOutcome
from imgtool.model.kernel import ModuleState
from imgtool.model.linux import MachineId
from imgtool.model.packages import PackageManager
from imgtool.report.documents.secure_boot import SecureBoot

Texts = dict[str, str]


class Image(TypedDict):
    """The image file."""

    path: str
    format: str
    wrapper: str | None
    container: Literal["ova", "vmdk"] | None
    member: str | None
    virtual_size_bytes: int
    file_size_bytes: int
    allocated_bytes: int
    cluster_size_bytes: int | None
    compression_type: str | None
    version: int | None
    snapshots: int
    encrypted: bool
    format_evidence: str
    is_iso: bool
    openstack_refusal: str | None


class InspectedImage(Image):
    """The image file, and whether `qemu-img check` finds it consistent."""

    consistent: bool | None
    consistent_reason: str
    sha256: NotRequired[str]


class Family(TypedDict):
    """A system that is set up in its own way."""

    name: str
    title: str
    read: bool
    note: str
    first_boot: str | None
    evidence: str


class Root(TypedDict):
    """The root file system."""

    filesystem: str
    on_lvm: bool


class Initramfs(TypedDict):
    """The initramfs of a kernel."""

    path: str
    compression: str
    generator: str | None
    host_only: bool | None
    modules: dict[str, ModuleState]
    problem: str | None
    junk: str | None
    stops: list[str]
    obstacles: Texts


class Kernel(TypedDict):
    """A kernel of the guest."""

    version: str
    default: bool
    default_evidence: str
    image: str | None
    missing_image: str | None
    image_problem: str | None
    late_modules: dict[str, bool | None]
    modules: dict[str, ModuleState]
    initramfs: Initramfs | None


class Agent(TypedDict):
    """The qemu-guest-agent on the disk."""

    installed: bool | None
    version: str | None
    enabled: bool | None
    enabled_by: str | None
    channel: bool | None
    filtered_rpcs: list[str] | None
    failing_rpcs: list[str] | None


class CloudInit(TypedDict):
    """The cloud-init on the disk."""

    installed: bool | None
    enabled: bool | None
    datasources: list[str] | None
    default_user: str | None
    leftovers: list[str] | None
    version: str | None


class Reference(TypedDict):
    """A device that the boot depends on."""

    source: str
    device: str
    mount_point: str
    resolves: bool | None
    stable: bool
    required: bool


class Driver(TypedDict):
    """A virtio driver of Windows."""

    name: str
    start: int | None
    file: str | None
    device_ids: list[str]


class Windows(TypedDict):
    """What only a Windows guest has."""

    product: str | None
    drivers: list[Driver] | None
    cloudbase_init: bool | None
    hibernated: bool | None
    image_state: str | None


class Firmware(TypedDict):
    """What can start the disk."""

    bios: bool
    uefi: bool
    fallback_loader: str | None


class BootStep(TypedDict):
    """What one program of the boot does."""

    step: StepName
    outcome: StepOutcome
    summary: str
    place: str
    buses: NotRequired[list[str]]


class BootPath(TypedDict):
    """The boot by one kind of firmware, before it happens."""

    firmware: FirmwareName
    used: bool
    steps: list[BootStep]


class Partition(TypedDict):
    """An entry of the partition table."""

    number: int
    type: str
    label: str | None
    start_bytes: int
    size_bytes: int


class Filesystem(TypedDict):
    """A file system of the disk."""

    device: str
    type: str
    label: str | None
    uuid: str | None
    mount_point: str | None
    partitions: list[int]
    clean: bool | None


class Guest(TypedDict):
    """What is inside. What is unknown is null; `unknown` has the reason, by its dotted key."""

    status: Literal["known", "unknown"]
    reason: str
    family: Family | None
    data_only: bool
    os_type: Literal["linux", "windows"] | None
    os_distro: str | None
    os_version: str | None
    architecture: str | None
    root: Root | None
    kernels: list[Kernel] | None
    qemu_guest_agent: Agent | None
    cloud_init: CloudInit | None
    machine_id: MachineId | None
    ssh_host_keys: list[str] | None
    command_line: str | None
    device_references: list[Reference] | None
    root_is_last: bool | None
    can_grow: bool | None
    pinned_macs: list[str] | None
    lvm_devices_file: bool | None
    secrets: list[str] | None
    windows: Windows | None
    firmware: Firmware | None
    secure_boot: SecureBoot | None
    boot: list[BootPath]
    partition_table: Literal["gpt", "mbr", "none"] | None
    partitions: list[Partition]
    filesystems: list[Filesystem]
    unknown: Texts
    evidence: Texts


class Package(TypedDict):
    """An installed package."""

    manager: PackageManager
    name: str
    version: str
    architecture: str
    source: str
    source_version: str
    licence: str
    vendor: str


_Listed = TypedDict(
    "_Listed",
    {
        "cpe": str | None,
        "packages": list[Package] | None,
        "initramfs-modules": list[str] | None,
        "unknown": Texts,
    },
)
_Settings = TypedDict(
    "_Settings",
    {
        "units": Texts | None,
        "users": Texts | None,
        "groups": Texts | None,
        "sudoers": Texts | None,
        "sshd": Texts | None,
        "cloud-config": Texts | None,
        "privileged": Texts | None,
        "files": Texts | None,
    },
    total=False,
)


class Inventory(_Listed, _Settings):
    """What a guest consists of, where that was asked for; null is what could not be read."""


class Inspection(TypedDict):
    """What `imgtool inspect` prints."""

    schema_version: Literal[1]
    image: InspectedImage
    guest: Guest
    properties: Texts
    inventory: NotRequired[Inventory]
