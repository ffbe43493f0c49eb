"""qemu-guest-agent: is it there, will it run, can it talk, and what is it forbidden.

settings.py     what the agent makes of its options and of qemu-ga.conf, by key_file.py
service.py      one way in which it may be started, and what prevents it
confinement.py  what a unit's settings take away from it
rights.py       RPCs that fail all the same
by_systemd.py   units, by udev's rules and the targets of the boot
stopped_by.py   what else of the boot stops it again
by_others.py    OpenRC, System V's init, runit, s6, dinit, busybox, rc.local
"""

from imgtool.guest.agent.by_others import services_of_others, services_of_rc_local
from imgtool.guest.agent.by_systemd import services_of_systemd
from imgtool.guest.agent.service import Service, settings_of
from imgtool.guest.boot_services import BootServices
from imgtool.guest.fact import fact_of, value_of
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.packages import package_fact, read_program, version_of
from imgtool.guest.programs import Programs
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.model.kernel import Kernel
from imgtool.model.services import OPENSTACK_PORT, AgentFacts
from imgtool.util.text import printable

BINARIES = ("/usr/sbin/qemu-ga", "/usr/bin/qemu-ga", "/usr/local/sbin/qemu-ga", "/usr/local/bin/qemu-ga")
PACKAGES = ("qemu-guest-agent", "qemu-ga")


def read_agent(
    boot: BootServices, kernels: Fact[tuple[Kernel, ...]], programs: Programs | None = None
) -> AgentFacts:
    """All facts of the agent, as `boot` would start it."""
    tree = boot.tree
    service = fact_of(lambda: _read_service(boot, programs or Programs(tree)))
    port = fact_of(lambda: _port(service))
    package = package_fact(tree, *PACKAGES)
    return AgentFacts(
        installed=fact_of(lambda: read_program(tree, _programs(service), package)),
        version=version_of(package),
        enabled=fact_of(lambda: _enabled(service)),
        enabled_by=fact_of(lambda: _enabled_by(service)),
        channel=fact_of(lambda: _read_channel(kernels, port)),
        filtered_rpcs=fact_of(lambda: _filtered(tree, service)),
        port=port,
        failing_rpcs=fact_of(lambda: _failing(service)),
    )


# ---------------------------------------------------------------- enabled


def _read_service(boot: BootServices, programs: Programs) -> Known[Service | None]:
    """The service that runs the agent; the most likely one where none does, None where there is none."""
    found: list[Service] = []
    if boot.by_systemd:
        found += services_of_systemd(boot, programs)
    if boot.init != "systemd":
        found += services_of_others(boot.tree, boot.init, boot.line, programs)
    found += services_of_rc_local(boot, programs)
    running = next((one for one in found if one.runs), None)
    return Known(running or next(iter(found), None), boot.init)


def _programs(service: Fact[Service | None]) -> tuple[str, ...]:
    own = service.value.path if isinstance(service, Known) and service.value is not None else None
    return (own, *BINARIES) if own is not None and own.startswith("/") and own not in BINARIES else BINARIES


def _enabled(service: Fact[Service | None]) -> Known[bool]:
    found = value_of(service)
    if found is None:
        return Known(value=False, evidence="no systemd unit of it, and no runlevel starts it")
    if found.obstacle:
        return Known(value=False, evidence=found.obstacle)
    return Known(value=True, evidence=found.evidence or found.place)


def _enabled_by(service: Fact[Service | None]) -> Known[str | None]:
    found = value_of(service)
    if found is None:
        return Known(None, "nothing starts it")
    return Known((found.obstacle_place if found.obstacle else found.place) or None, found.shown)


def _filtered(tree: GuestTree, service: Fact[Service | None]) -> Known[tuple[str, ...]]:
    found = value_of(service)
    return (settings_of(tree, None) if found is None else found.settings).filtered()


def _failing(service: Fact[Service | None]) -> Known[tuple[str, ...]]:
    found = value_of(service)
    failing = found.failing if found is not None else ()
    reasons = dict.fromkeys(why for _, why in failing)
    return Known(tuple(name for name, _ in failing), "; ".join(reasons) or "nothing keeps one from working")


def _port(service: Fact[Service | None]) -> Known[str]:
    """What the agent listens on, by its own settings."""
    found = value_of(service)
    if found is None or found.obstacle:
        return Known(OPENSTACK_PORT, "nothing sets another port")
    settings = found.settings
    where = settings.port_source or found.shown
    return Known(printable(f"{settings.method}:{settings.port}".removeprefix("virtio-serial:")), where)


# ---------------------------------------------------------------- the channel


def _read_channel(kernels: Fact[tuple[Kernel, ...]], port: Fact[str]) -> Known[bool]:
    """The driver is there and loaded, and the agent listens on the port that it drives."""
    if isinstance(port, Known) and port.value != OPENSTACK_PORT:
        return Known(value=False, evidence=f"the agent listens on {port.value} ({port.evidence})")
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
    loaded = kernel.late.get("virtio_console", Known(value=True, evidence=evidence))
    if isinstance(loaded, Unknown):
        raise GuestReadError(loaded.reason)
    return loaded if loaded.value else Known(value=False, evidence=f"{evidence}, but {loaded.evidence}")
