"""cloud-init: is it there, will it run, which datasources may it use, which user does it make, did it run."""

import posixpath

from imgtool.guest.cloud_config import CloudConfig
from imgtool.guest.fact import fact_of
from imgtool.guest.packages import package_fact, read_program, version_of
from imgtool.guest.systemd import mask_of, unit_file, wants_link
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.model.services import CloudInitFacts
from imgtool.text import printable

BINARIES = ("/usr/bin/cloud-init", "/usr/local/bin/cloud-init")
TARGET = "cloud-init.target"
STAGES = (
    "cloud-init-local.service",
    "cloud-init-main.service",
    "cloud-init.service",
    "cloud-init-network.service",
)
"""The units that fetch the metadata: before 24.3 the first and the third, since then all but the third."""

GENERATORS = (
    "/etc/systemd/system-generators/cloud-init-generator",
    "/usr/lib/systemd/system-generators/cloud-init-generator",
    "/lib/systemd/system-generators/cloud-init-generator",
)
"""It links the target into multi-user.target at boot."""

OPENRC_SERVICES = ("cloud-init", "cloud-init-local", "cloud-init-ds-identify")
RUNLEVELS = ("default", "boot", "sysinit")
DS_IDENTIFY = "/etc/cloud/ds-identify.cfg"
MAX_POLICY_BYTES = 64 << 10
STATE = "/var/lib/cloud"
STATE_DIRECTORIES = ("instances", "data", "sem")
"""Filled when it runs for an instance. The seeds beside them are meant to be in an image."""
MAX_LEFTOVERS = 20
"""Paths that are named; one is enough to judge by."""


def read_cloud_init(tree: GuestTree, kernel_options: str, config: Fact[CloudConfig]) -> CloudInitFacts:
    """All facts of cloud-init; `kernel_options` is the default kernel's command line."""
    package = package_fact(tree, "cloud-init")
    return CloudInitFacts(
        installed=fact_of(lambda: read_program(tree, BINARIES, package)),
        enabled=fact_of(lambda: _read_enabled(tree, kernel_options)),
        datasources=_datasources(config),
        default_user=_default_user(config),
        version=version_of(package),
        leftovers=fact_of(lambda: _read_leftovers(tree)),
    )


def _read_enabled(tree: GuestTree, kernel_options: str) -> Known[bool]:
    """In the order of cloud-init's own generator: command line, marker files, ds-identify, then the units."""
    said = _switch(tree, kernel_options)
    if said is not None and not said.value:
        return said
    policy = _policy(tree)
    if policy is not None:
        return policy
    return _units(tree)


def _switch(tree: GuestTree, kernel_options: str) -> Known[bool] | None:
    switches = [word for word in kernel_options.split() if word.startswith("cloud-init=")]
    if switches and switches[-1] in {"cloud-init=disabled", "cloud-init=enabled"}:
        return Known(switches[-1].endswith("=enabled"), f"kernel command line: {switches[-1]}")
    for state in ("enabled", "disabled"):
        path = f"/etc/cloud/cloud-init.{state}"
        if tree.is_file(path):
            return Known(state == "enabled", path)
    return None


def _policy(tree: GuestTree) -> Known[bool] | None:
    """A policy that switches cloud-init off whatever the platform is: ds-identify's own comments."""
    content = tree.read_bytes(DS_IDENTIFY, MAX_POLICY_BYTES)
    for line in (content or b"").decode("utf-8", "replace").splitlines():
        key, _, value = line.split("#", 1)[0].partition(":")
        mode = value.strip().strip("\"'").split(",")[0]
        if key.strip() == "policy" and mode == "disabled":
            return Known(value=False, evidence=f"{DS_IDENTIFY}: {printable(line.strip())}")
    return None


def _units(tree: GuestTree) -> Known[bool]:
    stages = tuple(unit for unit in STAGES if unit_file(tree, unit) is not None)
    if not stages:
        return _openrc(tree)
    for unit in (*stages, TARGET):
        mask = mask_of(tree, unit)
        if mask is not None:
            return Known(value=False, evidence=f"{mask} masks {unit}")
    links = {unit: wants_link(tree, unit, (TARGET, "multi-user.target", "sysinit.target")) for unit in stages}
    unlinked = [unit for unit, link in links.items() if link is None]
    linked = [link for link in links.values() if link is not None]
    if not linked:
        return Known(value=False, evidence=f"no wants link starts {', '.join(unlinked)}")
    return _target(tree, linked)


def _target(tree: GuestTree, links: list[str]) -> Known[bool]:
    """Units that hang on cloud-init.target start only where something starts that target."""
    direct = [link for link in links if f"/{TARGET}." not in link]
    if direct:
        return Known(value=True, evidence=direct[0])
    generator = next((path for path in GENERATORS if tree.size_bytes(path) > 0), None)
    starter = generator or wants_link(tree, TARGET, ("multi-user.target", "default.target"))
    if starter is None:
        return Known(value=False, evidence=f"{links[0]}, but nothing starts {TARGET}")
    return Known(value=True, evidence=f"{links[0]}; {starter}")


def _openrc(tree: GuestTree) -> Known[bool]:
    for level in RUNLEVELS:
        for service in OPENRC_SERVICES:
            path = posixpath.join("/etc/runlevels", level, service)
            if tree.exists(path):
                return Known(value=True, evidence=path)
    return Known(value=False, evidence="no systemd unit of it, and no runlevel starts it")


def _datasources(config: Fact[CloudConfig]) -> Fact[tuple[str, ...]]:
    if isinstance(config, Unknown):
        return config
    nothing = Known((), "no datasource_list in /etc/cloud/cloud.cfg and /etc/cloud/cloud.cfg.d")
    return config.value.datasources or nothing


def _default_user(config: Fact[CloudConfig]) -> Fact[str | None]:
    if isinstance(config, Unknown):
        return config
    return config.value.default_user or Known(None, "no system_info: default_user: name in /etc/cloud")


def _read_leftovers(tree: GuestTree) -> Known[tuple[str, ...]]:
    """What `cloud-init clean` takes away: the link to the instance, and what is kept of instances."""
    link = f"{STATE}/instance"
    found = [link] if tree.link_target(link) is not None or tree.exists(link) else []
    for directory in STATE_DIRECTORIES:
        path = posixpath.join(STATE, directory)
        found += [printable(posixpath.join(path, name)) for name in tree.names(path)]
    shown = tuple(found[:MAX_LEFTOVERS])
    return Known(shown, ", ".join(shown) if shown else f"no instance in {STATE}")
