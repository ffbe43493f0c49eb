"""The guest can read Nova's config drive.

What it checks
    The kernel that will boot has sr_mod and isofs, and the driver of a controller that Nova puts a CD-ROM on:
    ata_piix (IDE, on machine type pc), ahci (SATA, on q35) or virtio_scsi (hw_cdrom_bus=scsi with
    hw_scsi_model=virtio-scsi). Where ahci or ata_piix is missing and virtio_scsi is not, `prepare` sets
    these two properties. Skipped where nothing in the guest would read a config drive.

Why it matters
    Without a metadata service, or where it fails, the config drive is all that tells a guest its keys, its
    host name and its network. The kernel of Debian's cloud images has no ahci: on q35 with Nova's defaults
    the drive is not there for it, and nobody can log in.

How to fix
    Install a kernel with those drivers:
        Debian, Ubuntu:  apt install linux-image-amd64
        RHEL, Fedora:    dnf install kernel kernel-modules
"""

from imgtool.checks.check import Check, Verdict, failed, on_booting_kernel, passed, skipped, unknown
from imgtool.model.drivers import CDROM, CDROM_BUSES, DriverSet, cdrom_buses, wants_scsi_cdrom
from imgtool.model.facts import Known
from imgtool.model.kernel import Kernel
from imgtool.model.linux import LinuxFacts
from imgtool.model.verdict import Severity

REMEDY = (
    "install a kernel that has them: `apt install linux-image-amd64`, or `dnf install kernel kernel-modules`"
)


def judge(linux: LinuxFacts, kernel: Kernel) -> Verdict:
    """A CD-ROM is reached on one bus at least, whatever the machine type."""
    if not _reads_one(linux):
        return skipped("nothing in the guest would read a config drive")
    drivers = DriverSet(kernel.modules)
    found = cdrom_buses(drivers)
    evidence = f"kernel {kernel.version}"
    if wants_scsi_cdrom(drivers):
        return passed("reads a config drive by virtio-scsi: hw_cdrom_bus=scsi is set by prepare", evidence)
    if {"ide", "sata"} <= set(found):
        return passed("reads a config drive by IDE and by SATA", evidence)
    uncertain = drivers.uncertain((*CDROM, *(name for names in CDROM_BUSES.values() for name in names)))
    if uncertain:
        return unknown(f"whether kernel {kernel.version} has {', '.join(uncertain)} built in cannot be read")
    return failed(_lack(drivers, found), f"{evidence}: not found", REMEDY)


def _lack(drivers: DriverSet, found: tuple[str, ...]) -> str:
    """What a machine without these drivers cannot read."""
    missing = drivers.missing(CDROM)
    if missing:
        return f"the kernel cannot read a config drive: it has no {' and no '.join(missing)}"
    if not found:
        return "the kernel reaches no config drive: it has neither ahci nor ata_piix nor virtio_scsi"
    reached, other = ("IDE", "q35: it has no ahci") if "ide" in found else ("SATA", "pc: it has no ata_piix")
    return f"the kernel reaches a config drive by {reached} only, not on machine type {other}, no virtio_scsi"


def _reads_one(linux: LinuxFacts) -> bool:
    """cloud-init, unless its list leaves ConfigDrive out; or what stands in its place."""
    tool = linux.cloud_init
    if isinstance(tool.installed, Known) and not tool.installed.value:
        other = linux.first_boot.value if isinstance(linux.first_boot, Known) else None
        return other is not None and other.on_openstack is True
    names = tool.datasources.value if isinstance(tool.datasources, Known) else ()
    return not names or "ConfigDrive" in names


CHECK = Check("config-drive", Severity.INFO, on_booting_kernel(judge))
