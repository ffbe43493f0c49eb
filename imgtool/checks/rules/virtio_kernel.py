"""The kernel that boots is there, and has the virtio drivers that Nova's hardware needs.

What it checks
    The image that the boot loader's menu starts is a file of the guest, a kernel for its architecture, and as
    long as its header says. In the modules directory of the
    kernel that will boot, or built into it: virtio_pci; virtio_blk, or virtio_scsi with sd_mod; virtio_net;
    virtio_console. virtio_net is loaded when the card appears, by kmod's rules: no blacklist and no install
    command (modprobe.d, the kernel's command line) stands in the way, modules.dep.bin and modules.alias.bin
    name it, and its file and those that it needs are whole.

Why it matters
    Nova gives an instance a virtio disk, a virtio network card and, for the agent, a virtio serial port.
    A kernel without these drivers boots into a machine without disk, network or agent. A menu that names a
    kernel that was removed, or left out of a copy of /boot, ends in "file not found" and waits for a key.

How to fix
    Install a kernel with virtio drivers, or what the menu names again:
        Debian, Ubuntu:  apt install linux-image-amd64        (or linux-image-cloud-amd64)
        RHEL, Fedora:    dnf install kernel kernel-modules
"""

from imgtool.checks.check import Check, Verdict, failed, on_booting_kernel, passed, unknown
from imgtool.model.drivers import NETWORK_AND_CONSOLE, PCI, DriverSet, missing_storage, uncertain_storage
from imgtool.model.facts import Unknown
from imgtool.model.kernel import Kernel
from imgtool.model.linux import LinuxFacts
from imgtool.model.verdict import Severity
from imgtool.util.text import shell_word

REMEDY = (
    "install a kernel that has them: `apt install linux-image-amd64`, "
    "or `dnf install kernel kernel-modules`, and make it the default"
)

LET_LOAD = (
    "take out what keeps it from being loaded (a blacklist or an install command in modprobe.d or on the "
    "kernel's command line), or make the indexes again with `depmod -a`, or the files by installing the "
    "kernel's package again"
)
MAKE_MENU = "`update-grub`, `grub2-mkconfig`"


def judge(_: LinuxFacts, kernel: Kernel) -> Verdict:
    """The boot loader finds it, it starts, and every driver is a module or built in, and is loaded."""
    return _judge_image(kernel) or _judge_drivers(kernel) or _judge_network(kernel) or _good(kernel)


def _judge_image(kernel: Kernel) -> Verdict | None:
    if kernel.missing_image is not None:
        return failed(
            f"the boot loader starts {kernel.missing_image}, which is not there",
            f"{kernel.default_evidence}; /usr/lib/modules/{kernel.version} is there",
            _reinstall(kernel),
        )
    if kernel.image_problem is not None:
        return failed(
            f"the boot loader starts no kernel: {kernel.image_problem}",
            kernel.default_evidence,
            _reinstall(kernel),
        )
    return None


def _judge_drivers(kernel: Kernel) -> Verdict | None:
    drivers = DriverSet(kernel.modules)
    missing = drivers.missing(PCI + NETWORK_AND_CONSOLE) + missing_storage(drivers)
    if missing:
        searched = f"/usr/lib/modules/{kernel.version} and the kernel's built-in list"
        return failed(
            f"kernel {kernel.version} has no {', '.join(missing)}", f"{searched}: not found", REMEDY
        )
    uncertain = drivers.uncertain(PCI + NETWORK_AND_CONSOLE) + uncertain_storage(drivers)
    if uncertain:
        return unknown(f"whether kernel {kernel.version} has {', '.join(uncertain)} built in cannot be read")
    return None


def _judge_network(kernel: Kernel) -> Verdict | None:
    network = kernel.late.get("virtio_net")
    if isinstance(network, Unknown):
        return unknown(f"whether virtio_net is loaded: {network.reason}")
    if network is None or network.value:
        return None
    return failed(
        f"kernel {kernel.version} does not load virtio_net: no network card, unless the initramfs does",
        network.evidence,
        LET_LOAD,
    )


def _good(kernel: Kernel) -> Verdict:
    seen = "; ".join(
        kernel.evidence[name] for name in ("virtio_blk", "virtio_net") if name in kernel.evidence
    )
    return passed(
        f"kernel {kernel.version} boots, with virtio disk, network, PCI and console drivers",
        f"{kernel.default_evidence}; {seen}",
    )


def _reinstall(kernel: Kernel) -> str:
    package = shell_word(f"linux-image-{kernel.version}")
    debian = f"`apt install --reinstall {package}`, or " if package is not None else ""
    return f"install it again: {debian}`dnf reinstall kernel-core`; or make the menu anew: {MAKE_MENU}"


CHECK = Check("virtio-kernel", Severity.ERROR, on_booting_kernel(judge))
