from dataclasses import replace

import pytest
from support.guest_tree import Link, Unreadable, guest_tree

from imgtool.guest.agent import read_agent
from imgtool.guest.boot_services import BootServices
from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.guest.systemd import AGENT_PORT as PORT_DEVICE
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.model.kernel import MODULES_OF_INTEREST, Kernel
from imgtool.model.services import AgentFacts

S, E = "/usr/lib/systemd/system", "/etc/systemd/system"
RULE = (
    'SUBSYSTEM=="virtio-ports", ATTR{name}=="org.qemu.guest_agent.0", \\\n'
    '  TAG+="systemd", ENV{SYSTEMD_WANTS}="qemu-guest-agent.service"\n'
)
RULES = "/usr/lib/udev/rules.d/60-qemu-guest-agent.rules"
DEBIAN = {
    "/usr/sbin/qemu-ga": "\x7fELF",
    f"{S}/qemu-guest-agent.service": "[Service]\nExecStart=-/usr/sbin/qemu-ga\n[Install]\n",
    RULES: RULE,
    "/var/lib/dpkg/status": "Package: qemu-guest-agent\nStatus: install ok installed\nVersion: 1:7.2\n",
}
WANTS = f"{E}/{PORT_DEVICE}.wants/qemu-guest-agent.service"
RED_HAT = {
    "/usr/bin/qemu-ga": "\x7fELF",
    f"{S}/qemu-guest-agent.service": "[Service]\nExecStart=/usr/bin/qemu-ga $FILTER_RPC_ARGS\n",
    "/var/lib/rpm/rpmdb.sqlite": "SQLite",
}
SUSE = {"/usr/bin/qemu-ga": "\x7fELF", f"{S}/qemu-ga.service": "[Service]\nExecStart=/usr/bin/qemu-ga\n"}

INSTANCE = r"qemu-ga@virtio\x2dports-org.qemu.guest_agent.0.service"
SLES_15 = {
    "/usr/bin/qemu-ga": "\x7fELF",
    f"{S}/qemu-ga@.service": "[Service]\nExecStart=-/usr/bin/qemu-ga -p /dev/%I --block-rpcs=guest-exec\n",
}
"""A template, of which the rule starts the port's instance: qemu.spec of openSUSE, 80-qemu-ga.rules."""


def kernels(state: str, evidence: str = "") -> Fact[tuple[Kernel, ...]]:
    modules = dict.fromkeys(MODULES_OF_INTEREST, state)
    seen = {"virtio_console": evidence} if evidence else {}
    old = Kernel("5.10", False, "", None, dict.fromkeys(MODULES_OF_INTEREST, "missing"), {}, Known(None, ""))
    return Known(
        (old, Kernel("6.1", True, "newest", None, modules, seen, Known(None, ""))), "/usr/lib/modules"
    )


def read(files, found: Fact[tuple[Kernel, ...]] | None = None, options: str = "") -> AgentFacts:
    boot = BootServices(guest_tree(files), parse_command_line(options))
    return read_agent(boot, found or kernels("module"))


# ---------------------------------------------------------------- installed, version


def test_installed_the_debian_way():
    facts = read(DEBIAN)
    said = "/var/lib/dpkg/status: qemu-guest-agent 1:7.2"
    assert facts.installed == Known(value=True, evidence=f"/usr/sbin/qemu-ga ({said})")
    assert facts.version == Known("1:7.2", said)


def test_installed_though_the_package_database_cannot_be_read():
    facts = read(RED_HAT)
    reason = "/var/lib/rpm/rpmdb.sqlite: it is no SQLite database"
    assert facts.installed == Known(value=True, evidence=f"/usr/bin/qemu-ga ({reason})")
    assert facts.version == Unknown(reason)


def test_installed_by_hand():
    facts = read({"/usr/bin/qemu-ga": "ELF", "/lib/apk/db/installed": "P:musl\nV:1\n"})
    assert facts.installed == Known(
        value=True, evidence="/usr/bin/qemu-ga (no package qemu-guest-agent is installed)"
    )
    assert facts.version.value is None


def test_a_package_of_its_other_name():
    facts = read({"/usr/bin/qemu-ga": "ELF", "/lib/apk/db/installed": "P:qemu-ga\nV:8\n"})
    assert facts.version.value == "8"


def test_the_package_database_alone_does_not_install_it():
    facts = read({"/var/lib/dpkg/status": DEBIAN["/var/lib/dpkg/status"]})
    assert facts.installed.value is False
    assert "though its package is installed" in facts.installed.evidence


def test_not_installed():
    facts = read({"/var/lib/dpkg/status": "Package: x\nStatus: install ok installed\nVersion: 1\n"})
    assert facts.installed.value is False
    assert (facts.version.value, facts.enabled.value, facts.enabled_by.value) == (None, False, None)


# ---------------------------------------------------------------- enabled


@pytest.mark.parametrize(
    ("files", "by"),
    [
        (DEBIAN, RULES),
        (RED_HAT | {WANTS: Link(f"{S}/qemu-guest-agent.service")}, WANTS),
        (RED_HAT | {"/usr/lib/udev/rules.d/99-qemu-guest-agent.rules": RULE}, None),
        (RED_HAT | {"/etc/udev/rules.d/99-own.rules": RULE}, "/etc/udev/rules.d/99-own.rules"),
        (DEBIAN | {f"{E}/multi-user.target.wants/qemu-guest-agent.service": Link("x")}, None),
        (SUSE | {f"{E}/{PORT_DEVICE}.wants/qemu-ga.service": Link(f"{S}/qemu-ga.service")}, None),
        (SUSE | {RULES: RULE.replace("qemu-guest-agent.service", "qemu-ga.service")}, RULES),
        (SLES_15 | {RULES: RULE.replace("qemu-guest-agent.service", INSTANCE)}, RULES),
        (SLES_15 | {f"{E}/multi-user.target.wants/{INSTANCE}": Link(f"{S}/qemu-ga@.service")}, None),
        ({"/etc/runlevels/default/qemu-guest-agent": Link("/etc/init.d/x"), "/etc/init.d/x": "#!"}, None),
        ({"/etc/rc2.d/S01qemu-guest-agent": Link("../init.d/q"), "/etc/init.d/q": "#!"}, None),
        ({"/lib": Link("usr/lib"), **DEBIAN}, RULES),
    ],
)
def test_enabled(files, by):
    facts = read(files)
    assert facts.enabled.value is True
    assert facts.enabled_by.value == (by or facts.enabled.evidence.split(":")[0])
    assert facts.enabled_by.value in files


@pytest.mark.parametrize("mask", [Link("/dev/null"), ""], ids=["link", "empty file"])
@pytest.mark.parametrize("files", [DEBIAN, RED_HAT | {WANTS: Link("x")}], ids=["Debian", "Red Hat"])
def test_masked(files, mask):
    path = f"{E}/qemu-guest-agent.service"
    facts = read(files | {path: mask})
    assert (facts.enabled.value, facts.enabled_by.value) == (False, path)
    assert "masks" in facts.enabled.evidence


def test_masked_by_the_other_name():
    path = f"{E}/qemu-ga.service"
    assert read(SUSE | {path: Link("/dev/null"), RULES: RULE}).enabled_by.value == path


@pytest.mark.parametrize("unit", ["qemu-ga@.service", INSTANCE])
def test_a_template_or_its_instance_is_masked(unit):
    rule = {RULES: RULE.replace("qemu-guest-agent.service", INSTANCE)}
    path = f"{E}/{unit}"
    assert read(SLES_15 | rule | {path: Link("/dev/null")}).enabled_by.value == path


def test_a_template_that_nothing_starts_is_not_enabled_and_its_filters_count():
    facts = read(SLES_15 | {RULES: RULE})
    assert facts.enabled.value is False
    assert facts.filtered_rpcs.value == ("guest-exec",)


@pytest.mark.parametrize("override", [Link("/dev/null"), ""], ids=["link", "empty file"])
def test_the_udev_rule_is_overridden(override):
    path = "/etc/udev/rules.d/60-qemu-guest-agent.rules"
    facts = read(DEBIAN | {path: override})
    assert (facts.enabled.value, facts.enabled_by.value) == (False, path)


@pytest.mark.parametrize(
    "rule",
    [
        "# " + RULE.replace("\\\n", ""),
        RULE.replace("SYSTEMD_WANTS", "X"),
        RULE.replace("org.qemu", "com.redhat"),
    ],
)
def test_a_rule_that_does_not_start_it(rule):
    facts = read(DEBIAN | {RULES: rule})
    assert (facts.enabled.value, facts.enabled_by.value) == (False, None)


def test_a_static_unit_without_rule_and_link_is_not_enabled():
    assert read(RED_HAT).enabled.value is False


def test_a_link_to_a_unit_that_is_not_there_starts_nothing():
    assert read({WANTS: Link(f"{S}/qemu-guest-agent.service")}).enabled.value is False


def test_a_runlevel_link_that_leads_nowhere_starts_nothing():
    path = "/etc/runlevels/default/qemu-guest-agent"
    facts = read({path: Link("/etc/init.d/gone")})
    assert (facts.enabled.value, facts.enabled_by.value) == (False, path)


def test_an_unreadable_rule_makes_enabled_unknown_and_nothing_else():
    facts = read(DEBIAN | {RULES: Unreadable()})
    assert isinstance(facts.enabled, Unknown)
    assert isinstance(facts.enabled_by, Unknown)
    assert facts.installed.value is True


# ---------------------------------------------------------------- channel


@pytest.mark.parametrize("state", ["module", "builtin"])
def test_the_channel(state):
    assert read(DEBIAN, kernels(state, "where")).channel == Known(value=True, evidence="where")


def test_no_driver_for_the_channel():
    assert read(DEBIAN, kernels("missing")).channel.value is False


def test_a_channel_that_is_not_known():
    assert isinstance(read(DEBIAN, kernels("unknown")).channel, Unknown)
    assert read(DEBIAN, Unknown("bad block")).channel == Unknown("the kernels are not known: bad block")


def test_no_kernel_has_no_channel():
    assert read(DEBIAN, Known((), "none in /usr/lib/modules")).channel.value is False


def test_a_driver_that_is_not_loaded_is_no_channel():
    """Whether it is: tests/guest/test_late_modules.py."""
    (old, booting), evidence = kernels("module", "x.ko").value, "/usr/lib/modules"

    def channel(loaded: Fact[bool]) -> Fact[bool]:
        kernel = replace(booting, late={"virtio_console": loaded})
        return read(DEBIAN, Known((old, kernel), evidence)).channel

    said = Known(value=False, evidence="/etc/modprobe.d/x.conf: blacklist virtio_console")
    assert channel(said) == Known(value=False, evidence=f"x.ko, but {said.evidence}")
    assert channel(Known(value=True, evidence="x.ko")) == Known(value=True, evidence="x.ko")
    assert channel(Unknown("bad block")) == Unknown("bad block")
