"""What is installed in a Linux guest, and which kernel boots; linux.py judges whether it works."""

from dataclasses import dataclass, replace

from imgtool.guest.booted_kernel import RUNS_ON
from imgtool.guest.bootloader.choose import BootChoice, choose_kernel
from imgtool.guest.bootloader.run import LoaderRun
from imgtool.guest.fact import fact_of
from imgtool.guest.kernels import InstalledKernel, find_kernels
from imgtool.guest.mounts import System
from imgtool.guest.system import read_architecture, read_distribution, read_version
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import NO_EXTRAS, NOT_READ, Fact, GuestQuery, Known, Unknown
from imgtool.model.kernel import Kernel
from imgtool.model.linux import LinuxFacts
from imgtool.model.services import AgentFacts, CloudInitFacts
from imgtool.util.text import printable


@dataclass(frozen=True, slots=True)
class Installed:
    """The kernels of a guest, and what its boot loader makes of them."""

    architecture: Fact[str]
    kernels: Fact[tuple[InstalledKernel, ...]]
    boot: BootChoice

    @property
    def known(self) -> tuple[InstalledKernel, ...]:
        """The kernels; none where they are not known."""
        return self.kernels.value if isinstance(self.kernels, Known) else ()

    @property
    def booting(self) -> InstalledKernel | None:
        """The kernel that boots; None where it is not one of them."""
        return next((one for one in self.known if one.version == self.boot.version), None)


def find_installed(tree: GuestTree, guest_query: GuestQuery, run: LoaderRun | None) -> Installed:
    """Look for the kernels; `run` is what the boot loader comes to, None where none starts."""
    architecture = fact_of(lambda: read_architecture(tree))
    kernels = fact_of(lambda: _kernels(tree, guest_query.modules, architecture))
    known = kernels.value if isinstance(kernels, Known) else ()
    return Installed(architecture, kernels, choose_kernel(run, tree, known))


def _kernels(
    tree: GuestTree, extra_modules: tuple[str, ...], architecture: Fact[str]
) -> Known[tuple[InstalledKernel, ...]]:
    machine = architecture.value if isinstance(architecture, Known) else None
    machines = frozenset({machine, RUNS_ON.get(machine, machine)}) if machine is not None else frozenset()
    kernels = tuple(replace(one, machines=machines) for one in find_kernels(tree, extra_modules))
    if not kernels:
        return Known((), "no kernel in /usr/lib/modules")
    return Known(kernels, ", ".join(printable(kernel.directory) for kernel in kernels))


def kernel_of(kernel: InstalledKernel, boot: BootChoice) -> Kernel:
    """The kernel as it is installed; its initramfs, and what is loaded after that, are not read."""
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
        initramfs=NOT_READ,
    )


def read_installed(
    system: System, guest_query: GuestQuery = NO_EXTRAS, run: LoaderRun | None = None
) -> LinuxFacts:
    """The facts of the Linux `system` that take no judgement; the others are not read."""
    tree, volume = system.tree, system.root.volume
    installed = find_installed(tree, guest_query, run)
    return LinuxFacts(
        os_distro=fact_of(lambda: read_distribution(tree)),
        os_version=fact_of(lambda: read_version(tree)),
        architecture=installed.architecture,
        kernels=_kernel_facts(installed),
        agent=AgentFacts(),
        cloud_init=CloudInitFacts(),
        machine_id=NOT_READ,
        ssh_host_keys=NOT_READ,
        root_filesystem=system.root.filesystem.type,
        root_on_lvm=volume.is_logical,
    )


def _kernel_facts(installed: Installed) -> Fact[tuple[Kernel, ...]]:
    if isinstance(installed.kernels, Unknown):
        return installed.kernels
    kernels = tuple(kernel_of(kernel, installed.boot) for kernel in installed.kernels.value)
    return Known(kernels, installed.kernels.evidence)
