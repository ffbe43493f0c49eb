"""Puts the facts of a Linux guest together. One unreadable file makes one fact unknown, not all."""

from dataclasses import replace

from imgtool.guest.agent import read_agent
from imgtool.guest.boot_services import BootServices
from imgtool.guest.booted_kernel import kernel_image_problem, read_command_line
from imgtool.guest.bootloader.choose import entry_version
from imgtool.guest.bootloader.run import LoaderRun
from imgtool.guest.bootloader.start import NoStart, Start
from imgtool.guest.cloud_init.config import cloud_config_fact
from imgtool.guest.cloud_init.facts import read_cloud_init
from imgtool.guest.devices import read_device_references
from imgtool.guest.disk_contents import DiskContents
from imgtool.guest.fact import fact_of
from imgtool.guest.first_boot import read_first_boot
from imgtool.guest.found_files import found_files_fact
from imgtool.guest.growth import GrowingRoot, read_can_grow, read_root_is_last
from imgtool.guest.initramfs.facts import InitramfsUse, read_initramfs
from imgtool.guest.installed import Installed, find_installed, kernel_of
from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.guest.kernels import InstalledKernel
from imgtool.guest.late_modules import read_late_modules
from imgtool.guest.lvm_devices import read_lvm_devices_file
from imgtool.guest.mounts import System
from imgtool.guest.network import read_pinned_macs
from imgtool.guest.packages.dates import build_date_fact
from imgtool.guest.programs import Programs
from imgtool.guest.root_device import RootContext, finds_by_type
from imgtool.guest.secrets import read_secrets
from imgtool.guest.system import (
    read_distribution,
    read_machine_id,
    read_ssh_host_keys,
    read_version,
)
from imgtool.guest.tree import GuestTree
from imgtool.guest.user_space import Boot, read_user_space
from imgtool.model.facts import NO_EXTRAS, NOT_READ, Fact, GuestQuery, Known, Unknown
from imgtool.model.kernel import Initramfs, Kernel
from imgtool.model.linux import LinuxFacts


def read_linux(
    system: System,
    contents: DiskContents,
    guest_query: GuestQuery = NO_EXTRAS,
    run: LoaderRun | None = None,
    start: Start | NoStart | None = None,
) -> LinuxFacts:
    """All facts of the Linux `system`, which stands on the disk with these `contents`.

    `guest_query` is what is wanted besides what is always read; `run` is what the boot loader comes to, None
    where none starts; `start` is what the firmware starts.
    """
    tree, volume = system.tree, system.root.volume
    installed = find_installed(tree, guest_query, run)
    architecture, boot = installed.architecture, installed.boot
    by_stub = isinstance(start, Start) and start.loader in {"systemd-boot", "unified-image"}
    on_raid = volume.array is not None and bool(volume.array.uuid)
    use = InitramfsUse(system.root.filesystem.type, volume.is_logical, boot.options, by_stub, on_raid)
    kernels = _with_image(_kernels(tree, installed, use), tree, installed)
    command_line = fact_of(lambda: read_command_line(tree, boot, installed.known))
    config = cloud_config_fact(tree)
    machine = architecture.value if isinstance(architecture, Known) else None
    programs = Programs(tree, machine)
    services = BootServices(tree, parse_command_line(boot.options), machine, boot.version)
    cloud = read_cloud_init(services, config, programs)
    root_type, scheme = system.root.filesystem.type, contents.layout.scheme
    root = replace(_root_context(system, kernels, installed), finds_by_type=finds_by_type(start))
    growing = GrowingRoot(root_type, scheme, _booting_initramfs(kernels))
    return LinuxFacts(
        os_distro=fact_of(lambda: read_distribution(tree)),
        os_version=fact_of(lambda: read_version(tree)),
        architecture=architecture,
        kernels=kernels,
        agent=read_agent(services, kernels, programs),
        cloud_init=cloud,
        machine_id=fact_of(lambda: read_machine_id(tree, services.line)),
        ssh_host_keys=fact_of(lambda: read_ssh_host_keys(tree, config)),
        root_filesystem=root_type,
        root_on_lvm=volume.is_logical,
        root_on_raid=on_raid,
        command_line=command_line,
        device_references=fact_of(lambda: read_device_references(tree, contents, command_line, root)),
        root_is_last=fact_of(lambda: read_root_is_last(contents.layout, volume)),
        can_grow=fact_of(lambda: read_can_grow(tree, cloud, config, growing)),
        pinned_macs=fact_of(lambda: read_pinned_macs(tree)),
        lvm_devices_file=fact_of(lambda: read_lvm_devices_file(tree)),
        secrets=fact_of(lambda: read_secrets(tree, config)),
        first_boot=fact_of(lambda: read_first_boot(services)),
        found_files=found_files_fact(tree, guest_query.files),
        build_date=build_date_fact(tree) if guest_query.dates else NOT_READ,
        user_space=read_user_space(
            system,
            contents,
            Boot(command_line, cloud, config, boot.version, machine, root.generator),
            programs,
        ),
    )


def _root_context(
    system: System,
    kernels: Fact[tuple[Kernel, ...]],
    installed: Installed,
) -> RootContext:
    """What the booting kernel's initramfs does with root=."""
    known = kernels.value if isinstance(kernels, Known) else ()
    booting = next((one for one in known if one.default), None)
    archive = booting.initramfs if booting is not None else None
    made = _booting_initramfs(kernels)
    return RootContext(
        system.root,
        made.generator if made is not None else None,
        own_options=made.own_options if made is not None else "",
        has_entry=installed.boot.loaded is not None,
        kernel_alone=isinstance(archive, Known) and made is None and _has_none_inside(installed.booting),
        is_arranged=bool(system.arrangement),
    )


def _booting_initramfs(kernels: Fact[tuple[Kernel, ...]]) -> Initramfs | None:
    known = kernels.value if isinstance(kernels, Known) else ()
    archive = next((one.initramfs for one in known if one.default), None)
    return archive.value if isinstance(archive, Known) else None


def _has_none_inside(booting: InstalledKernel | None) -> bool:
    """Whether the booting kernel's configuration says that no initramfs is built into it, as Flatcar's is."""
    return booting is not None and booting.config.get("CONFIG_INITRAMFS_SOURCE") == '""'


def _kernels(tree: GuestTree, installed: Installed, use: InitramfsUse) -> Fact[tuple[Kernel, ...]]:
    if isinstance(installed.kernels, Unknown):
        return installed.kernels
    kernels = tuple(_kernel(tree, kernel, installed, use) for kernel in installed.kernels.value)
    return Known(kernels, installed.kernels.evidence)


def _with_image(
    kernels: Fact[tuple[Kernel, ...]], tree: GuestTree, installed: Installed
) -> Fact[tuple[Kernel, ...]]:
    """The image of the kernel that boots looked at."""
    if isinstance(kernels, Unknown) or installed.booting is None:
        return kernels
    problem = kernel_image_problem(tree, installed.boot, installed.booting, installed.architecture)
    looked_at = (replace(one, image_problem=problem) if one.default else one for one in kernels.value)
    return replace(kernels, value=tuple(looked_at))


def _kernel(tree: GuestTree, kernel: InstalledKernel, installed: Installed, use: InitramfsUse) -> Kernel:
    """`boot.entries` begins with the default one, so the first entry of a kernel is the one that counts."""
    boot = installed.boot
    entries = (one for one in boot.entries if entry_version(tree, one, installed.known) == kernel.version)
    entry, found = next(entries, None), kernel_of(kernel, boot)
    loaded = boot.loaded if found.default else None
    return replace(
        found,
        late=read_late_modules(tree, kernel, parse_command_line(boot.options)) if found.default else {},
        initramfs=fact_of(lambda: read_initramfs(tree, kernel, entry, loaded, use)),
    )
