"""Which virtio disks a kernel can start from: with the modules of its initramfs, or with its own. Pure."""

from dataclasses import dataclass

from imgtool.model import Initramfs, Kernel, Known

_TRANSPORT = ("virtio", "virtio_ring", "virtio_pci")


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
    transport = all(_early(kernel, initramfs, module) for module in _TRANSPORT)
    scsi = all(_early(kernel, initramfs, module) for module in ("virtio_scsi", "sd_mod"))
    return Reach(
        kernel=kernel.version,
        where=initramfs.path if initramfs is not None else "the kernel itself",
        virtio_blk=transport and _early(kernel, initramfs, "virtio_blk"),
        virtio_scsi=transport and scsi,
    )


def _early(kernel: Kernel, initramfs: Initramfs | None, module: str) -> bool:
    """Whether `module` is there before the root file system is."""
    if kernel.modules.get(module) == "builtin":
        return True
    return initramfs is not None and initramfs.modules.get(module) in {"builtin", "module"}
