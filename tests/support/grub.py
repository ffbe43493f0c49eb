"""Disks in memory for tests of GRUB: a GPT with a BIOS boot partition, an ESP and a root file system."""

from collections.abc import Mapping
from typing import BinaryIO

from support.kernel_images import bzimage
from support.memory_filesystem import Content, MemoryFilesystem

from imgtool.guest.bootloader.run import LoaderRun
from imgtool.guest.bootloader.start import FirmwareName, Start
from imgtool.guest.filesystems.base import GuestReadError, Node
from imgtool.guest.mounts import Device
from imgtool.guest.partitions import BIOS_BOOT_GUID, ESP_GUID, Partition, Scheme
from imgtool.guest.tree import GuestTree
from imgtool.guest.volumes import DiskLayout, Volume

GOOD, BAD = "6.1.0-56-cloud-amd64", "6.1.0-40-cloud-amd64"
LINUX_GUID = "0fc63daf-8483-4772-8e79-3d69d8477de4"
ROOT_UUID = "0a1b2c3d-1111-2222-3333-444455556666"
ESP_UUID = "1234-ABCD"
KERNELS: dict[str, Content] = {
    f"boot/{name}-{version}": content
    for version in (GOOD, BAD)
    for name, content in (("vmlinuz", bzimage(version)), ("initrd.img", b"cpio"))
}
"""The files of two kernels on the root file system."""


def environment_block(**variables: str) -> str:
    """A grubenv of 1,024 bytes."""
    text = "# GRUB Environment Block\n" + "".join(f"{name}={value}\n" for name, value in variables.items())
    return text.ljust(1024, "#")


class Disk:
    """Partitions with file systems; `run` starts GRUB from it."""

    def __init__(
        self,
        root: Mapping[str, Content],
        esp: Mapping[str, Content] | None = None,
        *,
        scheme: Scheme = "gpt",
        root_type: str = "ext4",
        more: tuple[MemoryFilesystem, ...] = (),
        logical: Mapping[str, MemoryFilesystem] | None = None,
    ) -> None:
        self.root = MemoryFilesystem(root, root_type, "root", ROOT_UUID)
        self.esp = MemoryFilesystem(esp or {}, "vfat", "ESP", ESP_UUID)
        filesystems: list[MemoryFilesystem | None] = [None, self.esp, self.root, *more]
        self.partitions = tuple(_partition(number) for number in range(1, len(filesystems) + 1))
        volumes = [Volume(one.name, 1 << 30, (one.number,), _unopened) for one in self.partitions]
        self.devices = [
            Device(volume, filesystem, partition)
            for volume, filesystem, partition in zip(volumes, filesystems, self.partitions, strict=True)
            if filesystem is not None
        ]
        for name, filesystem in (logical or {}).items():
            volumes.append(Volume(name, 1 << 30, (4,), _unopened))
            self.devices.append(Device(volumes[-1], filesystem, None))
        self.layout = DiskLayout(scheme, self.partitions, bytes(512), tuple(volumes))

    def device(self, name: str) -> Device:
        """The device on the volume `name`."""
        return next(device for device in self.devices if device.volume.name == name)

    def start(self, firmware: FirmwareName = "bios", **changes: object) -> Start:
        """What the firmware starts: core.img with the root's /boot/grub, or a GRUB on the ESP."""
        if firmware == "bios":
            fields: dict[str, object] = {"place": "core.img", "prefix": "(,gpt3)/boot/grub"}
        else:
            fields = {
                "place": "EFI/BOOT/BOOTX64.EFI on partition 2",
                "device": self.device("partition 2"),
                "path": "/EFI/BOOT/BOOTX64.EFI",
                "prefix": "(,gpt3)/boot/grub",
            }
        return Start(firmware, "grub", **{**fields, **changes})  # type: ignore[arg-type]  # by name, as the test says

    def run(self, firmware: FirmwareName = "bios", **changes: object) -> LoaderRun:
        """One run of GRUB."""
        from imgtool.guest.bootloader.grub.run import run_grub  # noqa: PLC0415 - tests of types need no GRUB

        return run_grub(self.start(firmware, **changes), self.devices, self.layout)


def run_in(tree: GuestTree) -> LoaderRun:
    """One run by BIOS of the GRUB of a system that has the disk to itself: /boot/grub/grub.cfg."""
    from imgtool.guest.bootloader.grub.run import run_grub  # noqa: PLC0415 - tests of types need no GRUB

    disk = Device(Volume("disk", 1 << 30, (), _unopened), _Whole(tree), None)
    start = Start("bios", "grub", "core.img", disk, prefix="/boot/grub", architecture="i386")
    return run_grub(start, [disk], DiskLayout("none", (), bytes(512), (disk.volume,)))


class _Whole:
    """The file system whose top is the tree's."""

    type = "ext4"
    label: str | None = "root"
    uuid: str | None = ROOT_UUID

    def __init__(self, tree: GuestTree) -> None:
        self._tree = tree

    def root(self, subvolume: str | None = None) -> Node:
        assert subvolume is None
        top = self._tree._find("/")
        assert top is not None
        return top


def _partition(number: int) -> Partition:
    kind = {1: BIOS_BOOT_GUID, 2: ESP_GUID}.get(number, LINUX_GUID)
    identity = f"00000000-0000-0000-0000-{number:012}"
    return Partition(number, kind, identity, None, number << 30, 1 << 30, bootable=False)


def _unopened() -> BinaryIO:
    raise GuestReadError("only its file system is here")


def run_config(
    config: str,
    files: Mapping[str, Content] | None = None,
    firmware: FirmwareName = "bios",
    **changes: object,
) -> LoaderRun:
    """One run with `config` as /boot/grub/grub.cfg beside two kernels and `files`."""
    return Disk({**KERNELS, "boot/grub/grub.cfg": config, **(files or {})}).run(firmware, **changes)


def with_kernel(files: Mapping[str, Content]) -> dict[str, Content]:
    """The files, and a kernel that starts with its initramfs."""
    return {f"boot/vmlinuz-{GOOD}": bzimage(GOOD), f"boot/initrd.img-{GOOD}": b"cpio", **files}


def options_of(run: LoaderRun) -> str:
    """The command line of the entry that starts."""
    assert run.end == "entry", run.reason
    assert run.booted is not None
    assert run.booted.problem == ""
    return run.booted.entry.options
