"""The initramfs reaches a virtio disk and mounts the root file system.

What it checks
    In the initramfs of the kernel that will boot, or built into that kernel: virtio, virtio_ring,
    virtio_pci; virtio_blk, or virtio_scsi with sd_mod; the driver of the root file system; dm_mod where the
    root is on LVM.
    Every segment of the initramfs is read.

Why it matters
    The drivers in /lib/modules are on the disk that the kernel cannot yet reach. An image whose initramfs
    lacks virtio (built on VMware or bare metal for that one machine) stops with "Gave up waiting for root
    file system device" or a dracut emergency shell. Tools that look only at /lib/modules do not see it.

How to fix
    Debian, Ubuntu (initramfs-tools):
        printf '%s\\n' virtio_pci virtio_blk virtio_scsi >> /etc/initramfs-tools/modules
        update-initramfs -u -k all
    RHEL, Fedora, SUSE (dracut):
        dracut --force --no-hostonly --add-drivers "virtio_pci virtio_blk virtio_scsi" --regenerate-all
    Arch (mkinitcpio):
        sed -i 's/^MODULES=(/&virtio_pci virtio_blk virtio_scsi /' /etc/mkinitcpio.conf && mkinitcpio -P
    Alpine (mkinitfs):
        sed -i 's/^features="/&virtio scsi /' /etc/mkinitfs/mkinitfs.conf && mkinitfs
    In an image file, any of them by virt-customize -a IMAGE --run-command '...'
"""

from imgtool.checks.check import Check, Verdict, failed, on_booting_kernel, passed, unknown
from imgtool.checks.remake import remake_with
from imgtool.drivers import PCI, before_root, missing_storage, root_drivers, uncertain_storage
from imgtool.model.facts import Unknown
from imgtool.model.judgement import Severity
from imgtool.model.kernel import Initramfs, Kernel
from imgtool.model.linux import LinuxFacts


def judge(linux: LinuxFacts, kernel: Kernel) -> Verdict:
    """The way from the firmware to the root file system is complete."""
    if isinstance(kernel.initramfs, Unknown):
        return unknown(kernel.initramfs.reason)
    needed = PCI + root_drivers(linux.root_filesystem, on_lvm=linux.root_on_lvm)
    archive = kernel.initramfs.value
    if archive is None:
        return _judge_without(kernel, needed, kernel.initramfs.evidence)
    return _judge_archive(archive, kernel, needed)


def _judge_archive(archive: Initramfs, kernel: Kernel, needed: tuple[str, ...]) -> Verdict:
    drivers = before_root(kernel, archive)
    missing = drivers.missing(needed) + missing_storage(drivers)
    if missing and archive.problem:
        return unknown(f"{archive.path} cannot be read to its end: {archive.problem}")
    if missing:
        return failed(
            f"the initramfs of kernel {kernel.version} has no {', '.join(missing)}",
            f"{archive.path} ({archive.compression}, by {archive.generator or '?'}): not among its files",
            remake_with(tuple(name.split(" ")[0] for name in missing), archive, kernel),
        )
    uncertain = drivers.uncertain(needed) + uncertain_storage(drivers)
    if uncertain:
        return unknown(f"{archive.path}: whether {', '.join(uncertain)} is there cannot be read")
    return passed(f"{archive.path} reaches a virtio disk and mounts the root", _seen(archive))


def _judge_without(kernel: Kernel, needed: tuple[str, ...], evidence: str) -> Verdict:
    builtin = before_root(kernel, None)
    if builtin.has(needed) and not missing_storage(builtin):
        return passed(f"kernel {kernel.version} has all it needs built in, and no initramfs", evidence)
    return failed(
        f"kernel {kernel.version} has no initramfs, and not all drivers for a virtio disk are built in",
        evidence,
        f"make one: `update-initramfs -c -k {kernel.version}` or `dracut --force --kver {kernel.version}`",
    )


def _seen(archive: Initramfs) -> str:
    names = ("virtio_blk", "virtio_scsi", "virtio_pci")
    return "; ".join(archive.evidence[name] for name in names if name in archive.evidence)


CHECK = Check("virtio-initramfs", Severity.ERROR, on_booting_kernel(judge))
