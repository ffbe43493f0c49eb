"""cloud-init: will it run on Nova and with which datasource, which user does it make, did it run."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from imgtool.guest.boot_services import BootServices
from imgtool.guest.cloud_init.access import shut_out
from imgtool.guest.cloud_init.config import MAIN, CloudConfig
from imgtool.guest.cloud_init.ds_identify import Identified, Script, identify
from imgtool.guest.cloud_init.ends import ending
from imgtool.guest.cloud_init.generator import ds_identify_path, script_of
from imgtool.guest.cloud_init.immutable import forbidden
from imgtool.guest.cloud_init.program import binaries, code_obstacle, ignores_case
from imgtool.guest.cloud_init.stages import (
    TARGET,
    Stages,
    stages_by_others,
    stages_by_systemd,
    stages_of,
)
from imgtool.guest.exec_command import program_obstacle
from imgtool.guest.fact import fact_of, value_of
from imgtool.guest.init_system import started_services
from imgtool.guest.kernel_command_line import CommandLine
from imgtool.guest.packages import package_fact, read_program, version_of
from imgtool.guest.programs import Programs
from imgtool.guest.release import OS_RELEASE_FILES, shell_assignments
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.model.services import CloudInitFacts
from imgtool.util.text import printable

STATE = "/var/lib/cloud"
STATE_DIRECTORIES = ("instances", "data", "sem")
"""Filled when it runs for an instance. The seeds beside them are meant to be in an image."""
MAX_LEFTOVERS = 20
"""Paths that are named; one is enough to judge by."""
OPENSTACK = frozenset({"OpenStack", "ConfigDrive"})
MAX_RELEASE_BYTES = 64 << 10
NEEDED_MODULES = ("users_groups", "ssh")
"""They make the user, and give that one the keys of the instance."""
_LOWER = frozenset(map(str.lower, OPENSTACK))


@dataclass(frozen=True, slots=True)
class _Run:
    """What the boot comes to with cloud-init."""

    stages: Stages
    identified: tuple[Identified, ...] = ()
    """What ds-identify comes to, with a config drive and without one; empty where it does not run."""


def read_cloud_init(
    boot: BootServices, config: Fact[CloudConfig], programs: Programs | None = None
) -> CloudInitFacts:
    """All facts of cloud-init, as `boot` would start it."""
    tree = boot.tree
    package = package_fact(tree, "cloud-init")
    run = fact_of(lambda: Known(_read_run(boot), "cloud-init's own rules"))
    return CloudInitFacts(
        installed=fact_of(lambda: read_program(tree, binaries(tree), package)),
        enabled=fact_of(lambda: _enabled(tree, run, config, programs or Programs(tree))),
        datasources=fact_of(lambda: _datasources(tree, run, config)),
        default_user=_default_user(config),
        version=version_of(package),
        leftovers=fact_of(lambda: _read_leftovers(tree)),
    )


def _read_run(boot: BootServices) -> _Run:
    if boot.by_systemd and stages_of(boot):
        return _by_systemd(boot)
    switch = next(_other_switches(boot.tree, boot.line), None)
    if switch is not None:
        return _Run(Stages(complete=False, evidence=switch))
    stages = stages_by_others(boot.tree, boot.init, boot.line)
    services = started_services(boot.tree, boot.init, ("cloud-init-ds-identify",), boot.line)
    if not any(not one.obstacle for one in services):
        return _Run(stages)
    script = script_of(boot.tree, ds_identify_path(boot.tree, ""))
    return _Run(stages, tuple(_identified(boot, script, drive) for drive in (True, False)))


def _identified(boot: BootServices, script: Script, drive: bool) -> Identified:  # noqa: FBT001 - one of two
    return identify(boot.tree, script, boot.line, boot.machine, config_drive=drive)


def _other_switches(tree: GuestTree, line: CommandLine) -> Iterator[str]:
    """What cloud-init's OpenRC scripts look for before they do anything."""
    if any("cloud-init=disabled" in word for word in line.words):
        yield "kernel command line: cloud-init=disabled"
    if tree.exists("/etc/cloud/cloud-init.disabled"):
        yield "/etc/cloud/cloud-init.disabled"


def _by_systemd(boot: BootServices) -> _Run:
    found = value_of(boot.generated)
    stages = stages_by_systemd(boot)
    if stages.nothing and not found.starts and not (boot.exists(TARGET) and boot.start(TARGET).starts):
        stages = Stages(complete=False, evidence=found.evidence)
    identified = tuple(one for one in (found.with_drive, found.without_drive) if one is not None)
    return _Run(stages, identified)


# ---------------------------------------------------------------- enabled


def _enabled(tree: GuestTree, run: Fact[_Run], config: Fact[CloudConfig], programs: Programs) -> Known[bool]:
    found = value_of(run)
    if not found.stages.complete:
        return Known(value=False, evidence=found.stages.evidence)
    obstacle = next(_obstacles(tree, config, programs), None)
    if obstacle is not None:
        return Known(value=False, evidence=obstacle)
    return Known(value=True, evidence=found.stages.evidence)


def _obstacles(tree: GuestTree, config: Fact[CloudConfig], programs: Programs) -> Iterator[str]:
    program = next((path for path in binaries(tree) if tree.exists(path)), None)
    if program is not None:
        found = program_obstacle(tree, programs, program) or code_obstacle(tree, program)
        if found is not None:
            yield found
    if isinstance(config, Known) and config.value.problem:
        yield config.value.problem
    if isinstance(config, Known):
        makes_users_itself = _has_own_modules(tree, config.value)
        yield from () if makes_users_itself else _without_modules(tree, config.value)
        yield from ending(tree, config.value)
        yield from () if makes_users_itself else shut_out(tree, config.value)
    yield from forbidden(tree, config.value if isinstance(config, Known) else None)


def _has_own_modules(tree: GuestTree, config: CloudConfig) -> bool:
    """Whether the distribution has modules of its own name, which may make users and keys: VyOS."""
    content = next(filter(None, (tree.read_bytes(path, MAX_RELEASE_BYTES) for path in OS_RELEASE_FILES)), b"")
    name = shell_assignments(content.decode("utf-8", "replace")).get("ID", "")
    return bool(name) and any(module.startswith(name) for module in config.all_modules)


def _without_modules(tree: GuestTree, config: CloudConfig) -> Iterator[str]:
    """Yield which of the modules that make users and keys is in no stage's list, and why."""
    missing = [name for name in NEEDED_MODULES if name not in config.all_modules]
    if not missing or not tree.is_directory(posixpath.dirname(MAIN)):
        return  # without the directory the boot writes it all, as NixOS does
    skipped = next((why for why in config.skipped if why.startswith(f"{MAIN}:")), "")
    reason = skipped or ("" if tree.is_file(MAIN) else f"{MAIN} is not there")
    if reason:
        yield f"{reason}; without it there is no cloud_init_modules, and no users and no keys are made"
    elif config.all_modules:  # every package's configuration has lists: one without any is a part of one
        where = config.where("cloud_init_modules")
        yield f"{where}: cloud_init_modules lacks {' and '.join(missing)}: no users and no keys are made"


# ---------------------------------------------------------------- datasources


def _datasources(tree: GuestTree, run: Fact[_Run], config: Fact[CloudConfig]) -> Known[tuple[str, ...]]:
    """What cloud-init may use on Nova: its configuration's list, or what ds-identify makes of that.

    The configuration's list is shown where that one is good for OpenStack; where ds-identify's is, that.
    """
    found = value_of(run)
    configured = _configured(value_of(config).datasources)
    ignore_case = ignores_case(tree)
    outcomes = [_outcome(one, configured) for one in found.identified] or [configured]
    good = [one for one in outcomes if _on_openstack(one.value, ignore_case=ignore_case)]
    if good:
        return configured if _on_openstack(configured.value, ignore_case=ignore_case) else good[0]
    return outcomes[0]


def _outcome(one: Identified, configured: Known[tuple[str, ...]]) -> Known[tuple[str, ...]]:
    """The list that counts where ds-identify comes to `one`."""
    if one.taken_first:
        return Known((one.taken_first,), one.evidence)
    if one.datasources is not None:
        return Known(one.datasources, one.evidence)
    if not one.enabled and one.names:
        return Known(one.names, one.evidence)
    return configured


def _configured(configured: Known[tuple[str, ...]] | None) -> Known[tuple[str, ...]]:
    if configured is None:
        return Known((), "no datasource_list in /etc/cloud/cloud.cfg and /etc/cloud/cloud.cfg.d")
    return configured if configured.value else Known(("None",), f"{configured.evidence}an empty list")


def _on_openstack(names: tuple[str, ...], *, ignore_case: bool) -> bool:
    """All datasources are allowed, or one of OpenStack's is. Older versions mind the case of letters."""
    bare = {name.removeprefix("DataSource") for name in names}
    return (
        not names
        or not OPENSTACK.isdisjoint(bare)
        or (ignore_case and bool(_LOWER & set(map(str.lower, bare))))
    )


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
