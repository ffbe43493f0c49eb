"""The initramfs was made for any machine, not for the one that it was built on.

What it checks
    Traces of a host-only build in the initramfs of the kernel that will boot: dracut's hostonly marks,
    MODULES=dep of initramfs-tools, mkinitcpio's autodetect hook.

Why it matters
    A host-only initramfs holds the drivers of the machine where it was made. It may boot on today's virtio
    hypervisor and fail on another bus, after a rebuild on the wrong host, or on bare metal (Ironic).

How to fix
    initramfs-tools:  MODULES=most in /etc/initramfs-tools/initramfs.conf, then update-initramfs -u -k all
    dracut:           install dracut-config-generic, or dracut --force --no-hostonly --regenerate-all
    mkinitcpio:       remove `autodetect` from HOOKS in /etc/mkinitcpio.conf, then mkinitcpio -P
"""

from imgtool.checks.check import Check, Verdict, failed, on_booting_kernel, passed, skipped, unknown
from imgtool.checks.remake import remake_generic
from imgtool.model.facts import Unknown
from imgtool.model.kernel import Kernel
from imgtool.model.linux import LinuxFacts
from imgtool.model.verdict import Severity


def judge(_: LinuxFacts, kernel: Kernel) -> Verdict:
    """No trace of a host-only build; no trace at all is unknown."""
    if isinstance(kernel.initramfs, Unknown):
        return unknown(kernel.initramfs.reason)
    archive = kernel.initramfs.value
    if archive is None:
        return skipped(f"kernel {kernel.version} has no initramfs")
    if archive.host_only is None:
        return unknown(f"{archive.path} shows no trace of how it was made")
    if archive.host_only:
        return failed(
            f"the initramfs of kernel {kernel.version} was made for one machine only",
            f"{archive.path}: {archive.generator} in host-only mode",
            remake_generic(archive, kernel),
        )
    return passed(f"{archive.path} is generic", f"made by {archive.generator}")


CHECK = Check("initramfs-generic", Severity.WARNING, on_booting_kernel(judge))
