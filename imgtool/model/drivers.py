"""Which drivers reach a virtio machine's hardware, and which of them a kernel or an initramfs lacks.

Sources: the kernel's drivers/virtio/Kconfig, drivers/block/Kconfig, drivers/scsi/Kconfig; Nova's
libvirt driver for the hardware that it gives.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from imgtool.model.facts import Known
from imgtool.model.kernel import Initramfs, Kernel, ModuleState

PCI = ("virtio", "virtio_ring", "virtio_pci")
BLOCK = ("virtio_blk",)
SCSI = ("virtio_scsi", "sd_mod")
NETWORK_AND_CONSOLE = ("virtio_net", "virtio_console")
CDROM = ("sr_mod", "isofs")
CDROM_BUSES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"ide": ("ata_piix",), "sata": ("ahci",), "scsi": (*PCI, "virtio_scsi")}
)
"""The buses that Nova puts a config drive on, and the drivers of their controllers: IDE by itself on machine
type pc, SATA on q35, the last one by hw_cdrom_bus=scsi with hw_scsi_model=virtio-scsi
(nova/virt/libvirt/blockinfo.py, get_disk_bus_for_device_type)."""


@dataclass(frozen=True, slots=True)
class DriverSet:
    """The states of modules, asked by name; a module that nobody looked for is unknown."""

    states: Mapping[str, ModuleState]

    def missing(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the modules that are certainly missing."""
        return tuple(name for name in names if self.states.get(name) == "missing")

    def uncertain(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the modules whose state is unknown."""
        return tuple(name for name in names if self.states.get(name, "unknown") == "unknown")

    def has(self, names: tuple[str, ...]) -> bool:
        """All of them are there, as modules or built in."""
        return all(self.states.get(name) in {"module", "builtin"} for name in names)


def before_root(kernel: Kernel, archive: Initramfs | None) -> DriverSet:
    """The drivers that are there before the root file system is: in the initramfs `archive`, or built in."""
    in_archive = archive.modules if archive is not None else {}
    return DriverSet(
        {name: _early(name, kernel, in_archive) for name in dict.fromkeys((*kernel.modules, *in_archive))}
    )


def _early(name: str, kernel: Kernel, in_archive: Mapping[str, ModuleState]) -> ModuleState:
    own = kernel.modules.get(name, "unknown")
    if own == "builtin":
        return "builtin"
    return in_archive.get(name, "missing" if own == "module" else own)


def cdrom_buses(drivers: DriverSet) -> tuple[str, ...]:
    """Return the buses on which the kernel surely reads a CD-ROM, once the root file system is there."""
    return tuple(bus for bus, names in CDROM_BUSES.items() if drivers.has((*CDROM, *names)))


def wants_scsi_cdrom(drivers: DriverSet) -> bool:
    """Whether Nova's own choice of a bus may be one that the kernel lacks, and virtio-scsi is none."""
    lacks = drivers.missing(CDROM_BUSES["ide"] + CDROM_BUSES["sata"])
    return bool(lacks) and "scsi" in cdrom_buses(drivers)


def missing_storage(drivers: DriverSet) -> tuple[str, ...]:
    """What surely lacks to reach a virtio disk: nothing where one of virtio-blk and virtio-scsi is complete.

    An unknown state counts as present here: `DriverSet.uncertain` is asked separately.
    """
    without_block = drivers.missing(BLOCK)
    without_scsi = drivers.missing(SCSI)
    if without_block and without_scsi:
        return (f"virtio_blk (nor {' with '.join(SCSI)})",)
    return ()


def uncertain_storage(drivers: DriverSet) -> tuple[str, ...]:
    """Which storage drivers decide, where neither virtio-blk nor virtio-scsi is surely complete."""
    if drivers.has(BLOCK) or drivers.has(SCSI):
        return ()
    return drivers.uncertain(BLOCK + SCSI)


def root_drivers(root_filesystem: str, *, on_lvm: bool, on_raid: bool = False) -> tuple[str, ...]:
    """Modules that mount the root: ext4 serves ext2 and ext3 as well (fs/ext4/Kconfig)."""
    filesystem = {"ext2": "ext4", "ext3": "ext4"}.get(root_filesystem, root_filesystem)
    return (filesystem, *(("dm_mod",) if on_lvm else ()), *(("raid1",) if on_raid else ()))


@dataclass(frozen=True, slots=True)
class Reach:
    """True only where every driver that is needed was seen."""

    kernel: str
    where: str
    virtio_blk: bool
    virtio_scsi: bool

    def reason(self, drivers: str) -> str:
        """Why a disk of this kind is reached."""
        return f"{self.where} has virtio, virtio_ring, virtio_pci, {drivers}; kernel {self.kernel}"


def reach_of(kernel: Kernel) -> Reach:
    """What `kernel` reaches. An initramfs that is unknown or not whole leaves what is built in."""
    found = kernel.initramfs.value if isinstance(kernel.initramfs, Known) else None
    initramfs = found if found is not None and found.problem is None else None
    drivers = before_root(kernel, initramfs)
    return Reach(
        kernel=kernel.version,
        where=initramfs.path if initramfs is not None else "the kernel itself",
        virtio_blk=drivers.has(PCI + BLOCK),
        virtio_scsi=drivers.has(PCI + SCSI),
    )
