"""Disks in memory that a boot loader is started from: file systems by partition, and a layout for them."""

import io
from collections.abc import Mapping, Sequence

from support.memory_filesystem import Content, MemoryFilesystem
from support.unified_image import unified_image

from imgtool.guest.bootloader.start import Start
from imgtool.guest.mounts import Device
from imgtool.guest.partitions import ESP_GUID, XBOOTLDR_GUID, Partition
from imgtool.guest.volumes import DiskLayout, Volume

LINUX_GUID = "0fc63daf-8483-4772-8e79-3d69d8477de4"
TYPES = {"esp": ESP_GUID, "xbootldr": XBOOTLDR_GUID, "linux": LINUX_GUID}
FALLBACK = "EFI/BOOT/BOOTX64.EFI"


def device(number: int, kind: str, filesystem: str, tree: Mapping[str, Content]) -> Device:
    """Partition `number` of type `kind` (a key of TYPES, else the type itself)."""
    partition = Partition(number, TYPES.get(kind, kind), None, None, number << 20, 1 << 20, bootable=False)
    volume = Volume(partition.name, 1 << 20, (number,), io.BytesIO)
    return Device(volume, MemoryFilesystem(tree, filesystem), partition)


def layout(devices: Sequence[Device], scheme: str = "gpt") -> DiskLayout:
    """The layout that goes with `devices`."""
    partitions = tuple(one.partition for one in devices if one.partition is not None)
    return DiskLayout(scheme, partitions, b"", tuple(one.volume for one in devices))  # type: ignore[arg-type]  # as much as is asked of it


def systemd_boot(version: str = "257.13-1~deb13u1") -> bytes:
    """A PE file that says it is systemd-boot."""
    return unified_image({".sdmagic": f"#### LoaderInfo: systemd-boot {version} ####".encode()})


def esp_with(tree: Mapping[str, Content], loader: bytes, number: int = 1) -> Device:
    """An EFI system partition with `loader` as the fallback."""
    return device(number, "esp", "vfat", {FALLBACK: loader, **tree})


def start(loader: str, on: Device, path: str = f"/{FALLBACK}", prefix: str = "") -> Start:
    """What UEFI hands over."""
    firmware = "bios" if loader == "syslinux" else "uefi"
    place = f"{path} on {on.volume.name}"
    return Start(firmware, loader, place, on, path, prefix=prefix)  # type: ignore[arg-type]  # text, not Literal
