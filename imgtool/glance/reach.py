"""Which virtio disks a kernel can start from: with the modules of its initramfs, or with its own. Pure."""

from dataclasses import dataclass

from imgtool.drivers import BLOCK, PCI, SCSI, before_root
from imgtool.model.facts import Known
from imgtool.model.kernel import Kernel


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
