"""The kernel that boots has the modules that the policy requires.

What it checks
    In the modules directory of the kernel that will boot, or built into it: each of `modules` of the policy,
    e.g. `[nvme, mlx5_core]`, by the names that lsmod prints. Skipped where the policy names none.

Why it matters
    A cloud with SR-IOV network cards, GPUs or NVMe disks gives its instances devices that virtio drivers do
    not serve. Cloud kernels leave such drivers out.

How to fix
    Install the kernel that has them:
        Debian:          apt install linux-image-amd64     (in place of linux-image-cloud-amd64)
        Ubuntu:          apt install linux-modules-extra-$(uname -r)
        RHEL, Fedora:    dnf install kernel-modules-extra
"""

import re
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from imgtool.checks.check import Check, Parameters, Verdict, failed, on_booting_kernel, passed, unknown
from imgtool.model.drivers import DriverSet
from imgtool.model.facts import GuestQuery
from imgtool.model.inspection import Inspection
from imgtool.model.kernel import Kernel
from imgtool.model.linux import LinuxFacts
from imgtool.model.verdict import Severity


def module(text: str) -> str:
    """A module by the name that lsmod prints: `-` and `_` are the same."""
    if re.fullmatch(r"[A-Za-z0-9_-]+", text) is None:
        raise ValueError(f"{text!r} is no name of a kernel module; virtio_net and nvme are")
    return text.replace("-", "_")


@dataclass(frozen=True, slots=True)
class RequiredModules(Parameters):
    """What a policy can set."""

    modules: tuple[Annotated[str, module], ...] = ()
    """Each of them has to be there."""

    def guest_query(self) -> GuestQuery:
        """The modules: of most, nothing is read without being asked."""
        return GuestQuery(modules=self.modules)


def examine(inspection: Inspection, parameters: RequiredModules) -> Verdict:
    """Each module is a file or built in."""
    return on_booting_kernel(partial(_judge, modules=parameters.modules))(inspection)


def _judge(_: LinuxFacts, kernel: Kernel, modules: tuple[str, ...]) -> Verdict:
    drivers = DriverSet(kernel.modules)
    missing, uncertain = drivers.missing(modules), drivers.uncertain(modules)
    if missing:
        return failed(
            f"kernel {kernel.version} has no {', '.join(missing)}",
            f"/usr/lib/modules/{kernel.version} and the kernel's built-in list: not found",
            "install a kernel that has them: `apt install linux-image-amd64`, "
            "`dnf install kernel-modules-extra`",
        )
    if uncertain:
        return unknown(f"whether kernel {kernel.version} has {', '.join(uncertain)} cannot be read")
    seen = "; ".join(kernel.evidence[name] for name in modules if name in kernel.evidence)
    return passed(f"kernel {kernel.version} has {', '.join(modules)}", seen)


CHECK = Check("required-modules", Severity.ERROR, examine, RequiredModules(), on_request=True)
