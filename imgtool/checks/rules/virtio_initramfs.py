"""The initramfs reaches a virtio disk and mounts the root file system.

What it checks
    In the initramfs of the kernel that will boot, or built into that kernel: virtio, virtio_ring,
    virtio_pci; virtio_blk, or virtio_scsi with sd_mod; the driver of the root file system; dm_mod where the
    root is on LVM.
    Every segment of the initramfs is read and unpacked as the kernel does it. Its /init can be run, with its
    interpreter and libraries; udev, or what else loads modules by their devices, is there and is started; the
    modules are whole, modules.dep.bin and modules.alias.bin name them, and neither modprobe.d inside nor the
    kernel's command line keeps them from being loaded. No break=, rd.break or rd.systemd.unit= stands there.

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
from imgtool.checks.remake import UNTYPABLE, remake, remake_with
from imgtool.model.drivers import (
    BLOCK,
    PCI,
    SCSI,
    before_root,
    missing_storage,
    root_drivers,
    uncertain_storage,
)
from imgtool.model.facts import Unknown
from imgtool.model.kernel import Initramfs, Kernel
from imgtool.model.linux import LinuxFacts
from imgtool.model.verdict import Severity
from imgtool.util.text import shell_word


def judge(linux: LinuxFacts, kernel: Kernel) -> Verdict:
    """The way from the firmware to the root file system is complete."""
    if isinstance(kernel.initramfs, Unknown):
        return unknown(kernel.initramfs.reason)
    needed = PCI + root_drivers(linux.root_filesystem, on_lvm=linux.root_on_lvm, on_raid=linux.root_on_raid)
    archive = kernel.initramfs.value
    if archive is None:
        return _judge_without(kernel, needed, kernel.initramfs.evidence)
    return _judge_archive(archive, kernel, needed)


def _judge_archive(archive: Initramfs, kernel: Kernel, needed: tuple[str, ...]) -> Verdict:
    if archive.stops:
        return failed(
            f"the initramfs of kernel {kernel.version} stops before it has a root",
            f"{archive.path}: {'; '.join(archive.stops)}",
            f"take the word out of the command line, or make it again: {remake(archive, kernel)}",
        )
    drivers = before_root(kernel, archive)
    missing = drivers.missing(needed) + missing_storage(drivers)
    obstructed = _obstructed(archive, missing, needed)
    if obstructed:
        return _judge_obstacles(archive, kernel, obstructed)
    if missing and archive.problem:
        return unknown(f"{archive.path} cannot be read to its end: {archive.problem}")
    if missing:
        return failed(
            f"the initramfs of kernel {kernel.version} has no {', '.join(missing)}",
            f"{archive.path} ({archive.compression}, by {archive.generator or '?'}): not among its files",
            remake_with(tuple(name.split(" ")[0] for name in missing), archive, kernel),
        )
    uncertain = drivers.uncertain(needed) + uncertain_storage(drivers)
    if uncertain or archive.unsure:
        reasons = [archive.evidence[name] for name in uncertain if name in archive.evidence]
        reasons += archive.unsure
        why = f" ({'; '.join(dict.fromkeys(reasons))})" if reasons else ""
        return unknown(f"{archive.path}: whether {', '.join(uncertain) or 'it'} works cannot be told{why}")
    return passed(f"{archive.path} reaches a virtio disk and mounts the root", _seen(archive))


def _obstructed(archive: Initramfs, missing: tuple[str, ...], needed: tuple[str, ...]) -> tuple[str, ...]:
    """What is there and is not loaded. virtio_blk alone is enough: it drives Nova's default disk."""
    names = [name for name in needed if name in archive.obstacles]
    names += [name for name in (*BLOCK, *(SCSI if missing else ())) if name in archive.obstacles]
    return tuple(names)


def _judge_obstacles(archive: Initramfs, kernel: Kernel, names: tuple[str, ...]) -> Verdict:
    scsi = before_root(kernel, archive).has(SCSI) and set(names) <= set(BLOCK)
    beside = "; a virtio-scsi disk (hw_disk_bus=scsi) is reached" if scsi else ""
    reasons = dict.fromkeys(f"{name}: {archive.obstacles[name]}" for name in names)
    return failed(
        f"the initramfs of kernel {kernel.version} does not load {', '.join(names)}{beside}",
        f"{archive.path}: {'; '.join(reasons)}",
        f"take away what keeps it from being loaded, and make it again: {remake(archive, kernel)}",
    )


def _judge_without(kernel: Kernel, needed: tuple[str, ...], evidence: str) -> Verdict:
    builtin = before_root(kernel, None)
    if builtin.has(needed) and not missing_storage(builtin):
        return passed(f"kernel {kernel.version} has all it needs built in, and no initramfs", evidence)
    return failed(
        f"kernel {kernel.version} has no initramfs, and not all drivers for a virtio disk are built in",
        evidence,
        _make(kernel),
    )


def _make(kernel: Kernel) -> str:
    version = shell_word(kernel.version)
    if version is None:
        return f"make one {UNTYPABLE}"
    return f"make one: `update-initramfs -c -k {version}` or `dracut --force --kver {version}`"


def _seen(archive: Initramfs) -> str:
    names = ("virtio_blk", "virtio_scsi", "virtio_pci")
    return "; ".join(archive.evidence[name] for name in names if name in archive.evidence)


CHECK = Check("virtio-initramfs", Severity.ERROR, on_booting_kernel(judge))
