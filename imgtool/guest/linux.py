"""Puts the facts of a Linux guest together. One unreadable file makes one fact unknown, not all."""

from dataclasses import replace

from imgtool.guest.agent import read_agent
from imgtool.guest.boot_services import BootServices
from imgtool.guest.booted_kernel import RUNS_ON, kernel_image_problem, read_command_line
from imgtool.guest.bootloader.choose import BootChoice, choose_kernel, entry_version
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
from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.guest.kernels import InstalledKernel, find_kernels
from imgtool.guest.late_modules import read_late_modules
from imgtool.guest.lvm_devices import read_lvm_devices_file
from imgtool.guest.mounts import System
from imgtool.guest.network import read_pinned_macs
from imgtool.guest.packages.dates import build_date_fact
from imgtool.guest.programs import Programs
from imgtool.guest.root_device import RootContext, finds_by_type
from imgtool.guest.secrets import read_secrets
from imgtool.guest.system import (
    read_architecture,
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
from imgtool.model.services import AgentFacts, CloudInitFacts
from imgtool.util.text import printable


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
    architecture = fact_of(lambda: read_architecture(tree))
    installed = fact_of(lambda: _installed(tree, guest_query.modules, architecture))
    boot = _boot(tree, installed, run)
    if not guest_query.judged:
        return _unjudged(system, installed, boot, architecture)
    by_stub = isinstance(start, Start) and start.loader in {"systemd-boot", "unified-image"}
    on_raid = volume.array is not None and bool(volume.array.uuid)
    use = InitramfsUse(system.root.filesystem.type, volume.is_logical, boot.options, by_stub, on_raid)
    kernels = _with_image(_kernels(tree, installed, boot, use), tree, boot, installed, architecture)
    versions = installed.value if isinstance(installed, Known) else ()
    command_line = fact_of(lambda: read_command_line(tree, boot, versions))
    config = cloud_config_fact(tree)
    machine = architecture.value if isinstance(architecture, Known) else None
    programs = Programs(tree, machine)
    services = BootServices(tree, parse_command_line(boot.options), machine, boot.version)
    cloud = read_cloud_init(services, config, programs)
    root_type, scheme = system.root.filesystem.type, contents.layout.scheme
    root = replace(_root_context(system, kernels, installed, boot), finds_by_type=finds_by_type(start))
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


def _unjudged(
    system: System, installed: Fact[tuple[InstalledKernel, ...]], boot: BootChoice, architecture: Fact[str]
) -> LinuxFacts:
    """What is installed, and which kernel boots; nothing of whether it works."""
    tree, volume = system.tree, system.root.volume
    return LinuxFacts(
        os_distro=fact_of(lambda: read_distribution(tree)),
        os_version=fact_of(lambda: read_version(tree)),
        architecture=architecture,
        kernels=_kernels(tree, installed, boot, None),
        agent=AgentFacts(),
        cloud_init=CloudInitFacts(),
        machine_id=NOT_READ,
        ssh_host_keys=NOT_READ,
        root_filesystem=system.root.filesystem.type,
        root_on_lvm=volume.is_logical,
    )


def _root_context(
    system: System,
    kernels: Fact[tuple[Kernel, ...]],
    installed: Fact[tuple[InstalledKernel, ...]],
    boot: BootChoice,
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
        has_entry=boot.loaded is not None,
        kernel_alone=isinstance(archive, Known) and made is None and _has_none_inside(installed, boot),
        is_arranged=bool(system.arrangement),
    )


def _booting_initramfs(kernels: Fact[tuple[Kernel, ...]]) -> Initramfs | None:
    known = kernels.value if isinstance(kernels, Known) else ()
    archive = next((one.initramfs for one in known if one.default), None)
    return archive.value if isinstance(archive, Known) else None


def _has_none_inside(installed: Fact[tuple[InstalledKernel, ...]], boot: BootChoice) -> bool:
    """Whether the booting kernel's configuration says that no initramfs is built into it, as Flatcar's is."""
    known = installed.value if isinstance(installed, Known) else ()
    booting = next((one for one in known if one.version == boot.version), None)
    return booting is not None and booting.config.get("CONFIG_INITRAMFS_SOURCE") == '""'


def _installed(
    tree: GuestTree, extra_modules: tuple[str, ...], architecture: Fact[str]
) -> Known[tuple[InstalledKernel, ...]]:
    machine = architecture.value if isinstance(architecture, Known) else None
    machines = frozenset({machine, RUNS_ON.get(machine, machine)}) if machine is not None else frozenset()
    kernels = tuple(replace(one, machines=machines) for one in find_kernels(tree, extra_modules))
    if not kernels:
        return Known((), "no kernel in /usr/lib/modules")
    return Known(kernels, ", ".join(printable(kernel.directory) for kernel in kernels))


def _boot(tree: GuestTree, installed: Fact[tuple[InstalledKernel, ...]], run: LoaderRun | None) -> BootChoice:
    kernels = installed.value if isinstance(installed, Known) else ()
    return choose_kernel(run, tree, kernels)


def _kernels(
    tree: GuestTree, installed: Fact[tuple[InstalledKernel, ...]], boot: BootChoice, use: InitramfsUse | None
) -> Fact[tuple[Kernel, ...]]:
    if isinstance(installed, Unknown):
        return installed
    kernels = tuple(_kernel(tree, kernel, installed.value, boot, use) for kernel in installed.value)
    return Known(kernels, installed.evidence)


def _with_image(
    kernels: Fact[tuple[Kernel, ...]],
    tree: GuestTree,
    boot: BootChoice,
    installed: Fact[tuple[InstalledKernel, ...]],
    architecture: Fact[str],
) -> Fact[tuple[Kernel, ...]]:
    """The image of the kernel that boots looked at."""
    if isinstance(kernels, Unknown) or isinstance(installed, Unknown):
        return kernels
    booting = next((one for one in installed.value if one.version == boot.version), None)
    if booting is None:
        return kernels
    problem = kernel_image_problem(tree, boot, booting, architecture)
    looked_at = (replace(one, image_problem=problem) if one.default else one for one in kernels.value)
    return replace(kernels, value=tuple(looked_at))


def _kernel(
    tree: GuestTree,
    kernel: InstalledKernel,
    installed: tuple[InstalledKernel, ...],
    boot: BootChoice,
    use: InitramfsUse | None,
) -> Kernel:
    """`boot.entries` begins with the default one, so the first entry of a kernel is the one that counts.

    Without a `use` its initramfs and what is loaded after it are not read.
    """
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
        late=read_late_modules(tree, kernel, parse_command_line(boot.options))
        if default and use is not None
        else {},
        evidence=kernel.evidence,
        initramfs=NOT_READ
        if use is None
        else fact_of(
            lambda: read_initramfs(tree, kernel, next(matching, None), boot.loaded if default else None, use)
        ),
    )
