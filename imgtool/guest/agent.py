"""qemu-guest-agent: is it there, will it run, can it talk, and what is it forbidden."""

import posixpath
from collections.abc import Iterator

from imgtool.guest.agent_filters import read_filtered_rpcs
from imgtool.guest.fact import fact_of
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.modprobe import what_prevents
from imgtool.guest.packages import package_fact, read_program, version_of
from imgtool.guest.systemd import BOOT_TARGETS, is_null, mask_of, unit_file, wants_link
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.model.kernel import Kernel
from imgtool.model.services import AgentFacts
from imgtool.text import printable

BINARIES = ("/usr/sbin/qemu-ga", "/usr/bin/qemu-ga")
PACKAGES = ("qemu-guest-agent", "qemu-ga")
UNITS = ("qemu-guest-agent.service", "qemu-ga.service", "qemu-ga@.service")
"""Debian, Red Hat, and SUSE today; SUSE up to 12; SLES 15 and Leap 15.0 to 15.2, a template."""

INSTANCES = {"qemu-ga@.service": r"qemu-ga@virtio\x2dports-org.qemu.guest_agent.0.service"}
"""What a link or a rule starts of a template: systemd.unit(5)."""

PORT_DEVICE = r"dev-virtio\x2dports-org.qemu.guest_agent.0.device"
"""systemd's name of the port, as systemd-escape(1) writes it."""

PORT_NAME = "org.qemu.guest_agent"
UDEV_DIRECTORIES = (
    "/etc/udev/rules.d",
    "/usr/local/lib/udev/rules.d",
    "/usr/lib/udev/rules.d",
    "/lib/udev/rules.d",
)
"""The first file of a name counts: udev(7)."""

RUNLEVELS = ("default", "boot", "sysinit")
OPENRC_SERVICES = ("qemu-guest-agent", "qemu-ga")


def read_agent(tree: GuestTree, kernels: Fact[tuple[Kernel, ...]], kernel_options: str) -> AgentFacts:
    """All facts of the agent; `kernel_options` is the default kernel's command line."""
    enabled = fact_of(lambda: _read_enabled(tree))
    package = package_fact(tree, *PACKAGES)
    return AgentFacts(
        installed=fact_of(lambda: read_program(tree, BINARIES, package)),
        version=version_of(package),
        enabled=_is_enabled(enabled),
        enabled_by=_enabled_by(enabled),
        channel=fact_of(lambda: _read_channel(tree, kernels, kernel_options)),
        filtered_rpcs=fact_of(lambda: read_filtered_rpcs(tree, UNITS)),
    )


# ---------------------------------------------------------------- enabled


def _is_enabled(found: Fact[tuple[bool, str]]) -> Fact[bool]:
    return found if isinstance(found, Unknown) else Known(found.value[0], found.evidence)


def _enabled_by(found: Fact[tuple[bool, str]]) -> Fact[str | None]:
    return found if isinstance(found, Unknown) else Known(found.value[1] or None, found.evidence)


def _read_enabled(tree: GuestTree) -> Known[tuple[bool, str]]:
    """Whether something starts it, and what: or what prevents it (empty: nothing of either kind)."""
    units = tuple(unit for unit in UNITS if unit_file(tree, unit) is not None)
    for unit in _with_instances(units):
        mask = mask_of(tree, unit)
        if mask is not None:
            return Known((False, mask), f"{mask} masks {unit}")
    for unit in _with_instances(units):
        link = wants_link(tree, unit, (PORT_DEVICE, *BOOT_TARGETS))
        if link is not None:
            return Known((True, link), link)
    if units:
        return _by_udev(tree, units)
    return _by_openrc(tree)


def _with_instances(units: tuple[str, ...]) -> tuple[str, ...]:
    return (*units, *(INSTANCES[unit] for unit in units if unit in INSTANCES))


def _by_udev(tree: GuestTree, units: tuple[str, ...]) -> Known[tuple[bool, str]]:
    """A rule with SYSTEMD_WANTS starts a unit that has no link of its own: systemd.device(5)."""
    disabled = ""
    for path in _udev_rules(tree):
        if is_null(tree, path):
            disabled = path if "qemu" in posixpath.basename(path) else disabled
            continue
        unit = _unit_wanted_by(tree.read_text(path) or "", units)
        if unit is not None:
            return Known((True, path), f"{path}: SYSTEMD_WANTS {unit}")
    if disabled:
        return Known((False, disabled), f"{disabled} disables the udev rule, and no unit wants {units[0]}")
    return Known((False, ""), f"no udev rule and no wants link starts {units[0]}")


def _udev_rules(tree: GuestTree) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for directory in UDEV_DIRECTORIES:
        for name in tree.names(directory):
            if name.endswith(".rules"):
                found.setdefault(name, printable(posixpath.join(directory, name)))
    return tuple(found[name] for name in sorted(found))


def _unit_wanted_by(text: str, units: tuple[str, ...]) -> str | None:
    for line in text.replace("\\\n", " ").splitlines():
        if line.lstrip().startswith("#") or "SYSTEMD_WANTS" not in line or PORT_NAME not in line:
            continue
        return next((unit for unit in units if unit.replace("@.service", "@") in line), None)
    return None


def _by_openrc(tree: GuestTree) -> Known[tuple[bool, str]]:
    for path in _runlevel_links(tree):
        if tree.exists(path):
            return Known((True, path), path)
        if tree.link_target(path) is not None:
            return Known((False, path), f"{path} leads nowhere")
    return Known((False, ""), "no systemd unit of it, and no runlevel starts it")


def _runlevel_links(tree: GuestTree) -> Iterator[str]:
    """OpenRC's links, then those of System V's init."""
    for level in RUNLEVELS:
        for service in OPENRC_SERVICES:
            yield f"/etc/runlevels/{level}/{service}"
    for level in "2345":
        for name in tree.names(f"/etc/rc{level}.d"):
            if name.startswith("S") and name[3:] in OPENRC_SERVICES:
                yield f"/etc/rc{level}.d/{name}"


# ---------------------------------------------------------------- the channel


def _read_channel(tree: GuestTree, kernels: Fact[tuple[Kernel, ...]], kernel_options: str) -> Known[bool]:
    if isinstance(kernels, Unknown):
        raise GuestReadError(f"the kernels are not known: {kernels.reason}")
    kernel = next((kernel for kernel in kernels.value if kernel.default), None)
    if kernel is None:
        return Known(value=False, evidence=f"no kernel: {kernels.evidence}")
    state = kernel.modules["virtio_console"]
    evidence = kernel.evidence.get("virtio_console", "")
    if state == "unknown":
        raise GuestReadError(
            f"kernel {kernel.version}: neither modules.builtin nor its configuration is there"
        )
    if state == "missing":
        return Known(value=False, evidence=f"kernel {printable(kernel.version)} has no virtio_console")
    obstacle = what_prevents(tree, "virtio_console", kernel_options) if state == "module" else None
    return (
        Known(value=True, evidence=evidence)
        if obstacle is None
        else Known(value=False, evidence=f"{evidence}, but {obstacle}")
    )
