"""Puts the facts of a Linux guest together. One unreadable file makes one fact unknown, not all."""

from imgtool.guest.agent import read_agent
from imgtool.guest.bootloader import BootChoice, choose_kernel, entry_version
from imgtool.guest.cloud_init import read_cloud_init
from imgtool.guest.fact import fact_of
from imgtool.guest.initramfs.facts import read_initramfs
from imgtool.guest.kernels import InstalledKernel, find_kernels
from imgtool.guest.system import (
    read_architecture,
    read_distribution,
    read_machine_id,
    read_ssh_host_keys,
    read_version,
)
from imgtool.guest.tree import GuestTree
from imgtool.model import Fact, Kernel, Known, LinuxFacts, Unknown
from imgtool.text import printable


def read_linux(tree: GuestTree, root_filesystem: str, root_on_lvm: bool) -> LinuxFacts:  # noqa: FBT001 - a fact
    """All facts of the Linux system in `tree`.

    `root_filesystem` is the type of its root (ext4, xfs, btrfs), `root_on_lvm` whether that is on LVM.
    """
    installed = fact_of(lambda: _installed(tree))
    boot = _boot(tree, installed)
    kernels = _kernels(tree, installed, boot)
    return LinuxFacts(
        os_distro=fact_of(lambda: read_distribution(tree)),
        os_version=fact_of(lambda: read_version(tree)),
        architecture=fact_of(lambda: read_architecture(tree)),
        kernels=kernels,
        agent=read_agent(tree, kernels, boot.options),
        cloud_init=read_cloud_init(tree, boot.options),
        machine_id=fact_of(lambda: read_machine_id(tree)),
        ssh_host_keys=fact_of(lambda: read_ssh_host_keys(tree)),
        root_filesystem=root_filesystem,
        root_on_lvm=root_on_lvm,
    )


def _installed(tree: GuestTree) -> Known[tuple[InstalledKernel, ...]]:
    kernels = find_kernels(tree)
    if not kernels:
        return Known((), "no kernel in /usr/lib/modules")
    return Known(kernels, ", ".join(printable(kernel.directory) for kernel in kernels))


def _boot(tree: GuestTree, installed: Fact[tuple[InstalledKernel, ...]]) -> BootChoice:
    return choose_kernel(tree, installed.value if isinstance(installed, Known) else ())


def _kernels(
    tree: GuestTree, installed: Fact[tuple[InstalledKernel, ...]], boot: BootChoice
) -> Fact[tuple[Kernel, ...]]:
    if isinstance(installed, Unknown):
        return installed
    kernels = tuple(_kernel(tree, kernel, installed.value, boot) for kernel in installed.value)
    return Known(kernels, installed.evidence)


def _kernel(
    tree: GuestTree, kernel: InstalledKernel, installed: tuple[InstalledKernel, ...], boot: BootChoice
) -> Kernel:
    """`boot.entries` begins with the default one, so the first entry of a kernel is the one that counts."""
    matching = (entry for entry in boot.entries if entry_version(tree, entry, installed) == kernel.version)
    default = kernel.version == boot.version
    return Kernel(
        version=printable(kernel.version),
        default=default,
        default_evidence=boot.evidence
        if default
        else f"{printable(str(boot.version))} boots: {boot.evidence}",
        image=None if kernel.image is None else printable(kernel.image),
        modules=kernel.modules,
        evidence=kernel.evidence,
        initramfs=fact_of(lambda: read_initramfs(tree, kernel, next(matching, None))),
    )
