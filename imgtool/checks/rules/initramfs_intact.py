"""The initramfs is there, whole, and has its main part.

What it checks
    The initramfs of the kernel that will boot can be read to its last byte: every segment, with a main
    segment after the early microcode, and nothing cut off. What follows the last archive and is none, the
    kernel leaves out with a message (init/initramfs.c): that stops no boot.

Why it matters
    A build that ran out of space, or was stopped, leaves a truncated initramfs, or one that holds only the
    microcode. The kernel then panics with "VFS: Unable to mount root fs". No list of packages shows it.

How to fix
    Make room in /boot and make it again:
        Debian, Ubuntu:        update-initramfs -u -k all
        RHEL, Fedora, SUSE:    dracut --force --regenerate-all
        Arch:                  mkinitcpio -P
        Alpine:                mkinitfs
"""

from imgtool.checks.check import Check, Verdict, failed, on_booting_kernel, passed, skipped, unknown
from imgtool.checks.remake import remake
from imgtool.model.facts import Unknown
from imgtool.model.kernel import Kernel
from imgtool.model.linux import LinuxFacts
from imgtool.model.verdict import Severity


def judge(_: LinuxFacts, kernel: Kernel) -> Verdict:
    """There is no problem in the archive."""
    if isinstance(kernel.initramfs, Unknown):
        return unknown(kernel.initramfs.reason)
    archive = kernel.initramfs.value
    if archive is None:
        return skipped(f"kernel {kernel.version} has no initramfs (virtio-initramfs judges that)")
    if archive.problem:
        return failed(
            f"the initramfs of kernel {kernel.version} is not whole",
            f"{archive.path}: {archive.problem}",
            f"make it again: {remake(archive, kernel)}",
        )
    made = f"{archive.compression}, made by {archive.generator or 'unknown'}"
    if archive.junk:
        return passed(
            f"{archive.path} is whole; the kernel complains of what follows it, and goes on",
            f"{made}; {archive.junk}",
        )
    return passed(f"{archive.path} is whole", made)


CHECK = Check("initramfs-intact", Severity.ERROR, on_booting_kernel(judge))
