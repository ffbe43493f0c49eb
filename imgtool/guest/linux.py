"""Puts the facts of a Linux guest together. One unreadable file makes one fact unknown, not all."""

from imgtool.guest.agent import read_agent
from imgtool.guest.bootloader import BootChoice, choose_kernel, entry_version
from imgtool.guest.cloud_config import cloud_config_fact
from imgtool.guest.cloud_init import read_cloud_init
from imgtool.guest.command_line import read_command_line
from imgtool.guest.devices import read_device_references
from imgtool.guest.disk_contents import DiskContents
from imgtool.guest.fact import fact_of
from imgtool.guest.found_files import found_files_fact
from imgtool.guest.growth import read_can_grow, read_root_is_last
from imgtool.guest.initramfs.facts import read_initramfs
from imgtool.guest.kernels import InstalledKernel, find_kernels
from imgtool.guest.lvm_devices import read_lvm_devices_file
from imgtool.guest.mounts import System
from imgtool.guest.network import read_pinned_macs
from imgtool.guest.secrets import read_secrets
from imgtool.guest.system import (
    read_architecture,
    read_distribution,
    read_machine_id,
    read_ssh_host_keys,
    read_version,
)
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.model.kernel import Kernel
from imgtool.model.linux import LinuxFacts
from imgtool.model.look_for import NOTHING_ELSE, LookFor
from imgtool.text import printable


def read_linux(system: System, contents: DiskContents, look_for: LookFor = NOTHING_ELSE) -> LinuxFacts:
    """All facts of the Linux `system`, which stands on the disk with these `contents`.

    `look_for` is what is wanted besides what is always read.
    """
    tree, volume = system.tree, system.root.volume
    installed = fact_of(lambda: _installed(tree, look_for.modules))
    boot = _boot(tree, installed)
    kernels = _kernels(tree, installed, boot)
    versions = installed.value if isinstance(installed, Known) else ()
    command_line = fact_of(lambda: read_command_line(tree, boot, versions))
    config = cloud_config_fact(tree)
    cloud = read_cloud_init(tree, boot.options, config)
    return LinuxFacts(
        os_distro=fact_of(lambda: read_distribution(tree)),
        os_version=fact_of(lambda: read_version(tree)),
        architecture=fact_of(lambda: read_architecture(tree)),
        kernels=kernels,
        agent=read_agent(tree, kernels, boot.options),
        cloud_init=cloud,
        machine_id=fact_of(lambda: read_machine_id(tree)),
        ssh_host_keys=fact_of(lambda: read_ssh_host_keys(tree)),
        root_filesystem=system.root.filesystem.type,
        root_on_lvm=volume.is_logical,
        command_line=command_line,
        device_references=fact_of(lambda: read_device_references(tree, contents, command_line)),
        root_is_last=fact_of(lambda: read_root_is_last(contents.layout, volume)),
        can_grow=fact_of(lambda: read_can_grow(tree, cloud, config)),
        pinned_macs=fact_of(lambda: read_pinned_macs(tree)),
        lvm_devices_file=fact_of(lambda: read_lvm_devices_file(tree)),
        secrets=fact_of(lambda: read_secrets(tree)),
        found_files=found_files_fact(tree, look_for.files),
    )


def _installed(tree: GuestTree, extra_modules: tuple[str, ...]) -> Known[tuple[InstalledKernel, ...]]:
    kernels = find_kernels(tree, extra_modules)
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
        missing_image=boot.missing if default else None,
        modules=kernel.modules,
        evidence=kernel.evidence,
        initramfs=fact_of(lambda: read_initramfs(tree, kernel, next(matching, None))),
    )
