"""How the disk is laid out: what its partitions and the files inside it have to agree on."""

from dataclasses import dataclass
from uuid import NAMESPACE_OID, uuid5

MIB = 1 << 20

FIRST_MIB = 1
"""Where the first partition begins; the GPT takes the first MiB, and its copy is within the last."""
ESP_MIB = 32
BOOT_MIB = 256
ROOT_MIB = 1536
DISK_MIB = 2048

SUBVOLUME = "@rootfs"
"""The name that Debian's installer gives to the subvolume of the root."""
VOLUME_GROUP = "system"

ROOT_KINDS = ("ext4", "xfs", "btrfs", "lvm")
"""What the root can be: a file system, or lvm: XFS in a logical volume, with a separate ext4 /boot."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of one disk."""

    root_type: str
    root_uuid: str
    root_source: str
    """As the kernel's `root=` and fstab name it."""
    esp_serial: str
    """Volume serial of the EFI system partition, XXXX-XXXX."""
    boot_uuid: str
    """UUID of the file system that holds /boot."""
    boot_prefix: str = "/boot"
    """Where /boot is in that file system, as GRUB sees it."""
    subvolume: str = ""

    @property
    def separate_boot(self) -> bool:
        """/boot has a file system of its own."""
        return self.boot_uuid != self.root_uuid


def layout_for(kind: str, seed: str) -> Layout:
    """The layout for one of ROOT_KINDS; its identifiers come from `seed`, so they are the same each time."""
    root_uuid, boot_uuid = _uuid(seed, "root"), _uuid(seed, "boot")
    serial = _uuid(seed, "esp")[:8].upper()
    esp = f"{serial[:4]}-{serial[4:]}"
    if kind == "lvm":
        return Layout("xfs", root_uuid, f"/dev/mapper/{VOLUME_GROUP}-root", esp, boot_uuid, boot_prefix="")
    source = f"UUID={root_uuid}"
    if kind == "btrfs":
        return Layout(kind, root_uuid, source, esp, root_uuid, f"/{SUBVOLUME}/boot", SUBVOLUME)
    return Layout(kind, root_uuid, source, esp, root_uuid)


def _uuid(seed: str, what: str) -> str:
    return str(uuid5(NAMESPACE_OID, f"{seed} {what}"))
