"""The kernel that boots is there, and has the virtio drivers that Nova's hardware needs.

What it checks
    The image that the boot loader's menu starts is a file of the guest. In the modules directory of the
    kernel that will boot, or built into it: virtio_pci; virtio_blk, or virtio_scsi with sd_mod; virtio_net;
    virtio_console.

Why it matters
    Nova gives an instance a virtio disk, a virtio network card and, for the agent, a virtio serial port.
    A kernel without these drivers boots into a machine without disk, network or agent. A menu that names a
    kernel that was removed, or left out of a copy of /boot, ends in "file not found" and waits for a key.

How to fix
    Install a kernel with virtio drivers, or what the menu names again:
        Debian, Ubuntu:  apt install linux-image-amd64        (or linux-image-cloud-amd64)
        RHEL, Fedora:    dnf install kernel kernel-modules
"""

import shlex

from imgtool.checks.check import Check, Verdict, failed, on_booting_kernel, passed, unknown
from imgtool.drivers import NETWORK_AND_CONSOLE, PCI, DriverSet, missing_storage, uncertain_storage
from imgtool.model.judgement import Severity
from imgtool.model.kernel import Kernel
from imgtool.model.linux import LinuxFacts

REMEDY = (
    "install a kernel that has them: `apt install linux-image-amd64`, "
    "or `dnf install kernel kernel-modules`, and make it the default"
)


def judge(_: LinuxFacts, kernel: Kernel) -> Verdict:
    """The boot loader finds it, and every driver is a module or built in."""
    if kernel.missing_image is not None:
        return failed(
            f"the boot loader starts {kernel.missing_image}, which is not there",
            f"{kernel.default_evidence}; /usr/lib/modules/{kernel.version} is there",
            f"install it again: `apt install --reinstall linux-image-{shlex.quote(kernel.version)}`, or "
            "`dnf reinstall kernel-core`; or make the menu anew: `update-grub`, `grub2-mkconfig`",
        )
    drivers = DriverSet(kernel.modules)
    missing = drivers.missing(PCI + NETWORK_AND_CONSOLE) + missing_storage(drivers)
    where = f"kernel {kernel.version}"
    if missing:
        searched = f"/usr/lib/modules/{kernel.version} and the kernel's built-in list"
        return failed(f"{where} has no {', '.join(missing)}", f"{searched}: not found", REMEDY)
    uncertain = drivers.uncertain(PCI + NETWORK_AND_CONSOLE) + uncertain_storage(drivers)
    if uncertain:
        return unknown(f"whether kernel {kernel.version} has {', '.join(uncertain)} built in cannot be read")
    seen = "; ".join(
        kernel.evidence[name] for name in ("virtio_blk", "virtio_net") if name in kernel.evidence
    )
    return passed(
        f"{where} boots, with virtio disk, network, PCI and console drivers",
        f"{kernel.default_evidence}; {seen}",
    )


CHECK = Check("virtio-kernel", Severity.ERROR, on_booting_kernel(judge))
