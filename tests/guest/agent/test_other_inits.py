"""The agent where init is not systemd: OpenRC, sysvinit, runit, s6, each by its own ways."""

import pytest
from support.guest_tree import Content, File, Link, guest_tree

from imgtool.guest.agent import read_agent
from imgtool.guest.boot_services import BootServices
from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.model.facts import Known

BLOCKED = ("guest-fsfreeze-freeze",)
AGENT = "#!/bin/sh\n"
INITTAB = (
    "id:3:initdefault:\nsi::sysinit:/sbin/openrc sysinit\nrc::bootwait:/sbin/openrc boot\n"
    "l3:3:wait:/sbin/openrc default\n"
)
OPENRC_INITTAB: dict[str, Content] = {
    "/sbin/init": "\x7fELF",
    "/etc/inittab": INITTAB,
    "/etc/runlevels/default/qemu-guest-agent": Link("/etc/init.d/q"),
    "/etc/init.d/q": AGENT,
}
OTHERS: dict[str, tuple[dict[str, Content], bool]] = {
    "alpine": (
        {
            "/etc/runlevels/default/qemu-guest-agent": Link("/etc/init.d/qemu-guest-agent"),
            "/etc/init.d/qemu-guest-agent": AGENT,
        },
        True,
    ),
    "stacked": (
        {
            "/etc/runlevels/default/cloud": Link("../cloud"),
            "/etc/runlevels/cloud/qemu-guest-agent": Link("/etc/init.d/q"),
            "/etc/init.d/q": AGENT,
        },
        True,
    ),
    "another runlevel": (
        {"/etc/runlevels/nonetwork/qemu-guest-agent": Link("/etc/init.d/q"), "/etc/init.d/q": AGENT},
        False,
    ),
    "script not executable": (
        {"/etc/runlevels/default/qemu-ga": Link("/etc/init.d/q"), "/etc/init.d/q": File(AGENT, 0o644)},
        False,
    ),
    "openrc by inittab": (OPENRC_INITTAB, True),
    "openrc by inittab, another default": (
        OPENRC_INITTAB | {"/etc/inittab": INITTAB.replace("id:3", "id:2")},
        False,
    ),
    "openrc by inittab, the default runlevel left out": (
        OPENRC_INITTAB | {"/etc/inittab": INITTAB.replace("openrc default", "openrc nonetwork")},
        False,
    ),
    "openrc-init reads no inittab": (
        OPENRC_INITTAB
        | {
            "/sbin/init": Link("/usr/sbin/openrc-init"),
            "/usr/sbin/openrc-init": "\x7fELF",
            "/etc/inittab": INITTAB.replace("openrc default", "openrc nonetwork"),
        },
        True,
    ),
    "openrc by busybox": (
        OPENRC_INITTAB
        | {
            "/sbin/init": Link("../bin/busybox"),
            "/bin/busybox": "\x7fELF",
            "/etc/inittab": "::sysinit:/sbin/openrc sysinit\n::sysinit:/sbin/openrc boot\n"
            "::wait:/sbin/openrc default\n",
        },
        True,
    ),
    "void": (
        {"/etc/runit/runsvdir/default/qemu-ga": Link("/etc/sv/qemu-ga"), "/etc/sv/qemu-ga/run": AGENT},
        True,
    ),
    "void, down": (
        {
            "/etc/runit/runsvdir/default/qemu-ga": Link("/etc/sv/qemu-ga"),
            "/etc/sv/qemu-ga/run": AGENT,
            "/etc/sv/qemu-ga/down": "",
        },
        False,
    ),
    "void, run not executable": (
        {"/var/service/qemu-ga": Link("/etc/sv/qemu-ga"), "/etc/sv/qemu-ga/run": File(AGENT, 0o644)},
        False,
    ),
    "void, not linked": ({"/etc/sv/qemu-ga/run": AGENT}, False),
    "s6-artix": ({"/etc/s6/adminsv/default/contents.d/qemu-guest-agent": ""}, True),
    "s6-rc": ({"/etc/s6/rc/compiled/servicedirs/qemu-guest-agent-srv/run": AGENT}, True),
    "dinit": (
        {
            "/etc/dinit.d/boot.d/qemu-guest-agent": Link("../qemu-guest-agent"),
            "/etc/dinit.d/qemu-guest-agent": "",
        },
        True,
    ),
    "busybox": (
        {
            "/sbin/init": Link("../bin/busybox"),
            "/bin/busybox": "\x7fELF",
            "/etc/inittab": "::respawn:/usr/sbin/qemu-ga -p /dev/virtio-ports/org.qemu.guest_agent.0\n",
        },
        True,
    ),
    "another runlevel of inittab": (
        {"/sbin/init": "\x7fELF", "/etc/inittab": "id:3:initdefault:\nga:5:respawn:/usr/sbin/qemu-ga\n"},
        False,
    ),
    "sysv, the default runlevel": (
        {
            "/sbin/init": "\x7fELF",
            "/etc/inittab": "id:3:initdefault:\n",
            "/etc/rc3.d/S20qemu-ga": Link("../init.d/q"),
            "/etc/init.d/q": AGENT,
        },
        True,
    ),
    "sysv, another runlevel": (
        {
            "/sbin/init": "\x7fELF",
            "/etc/inittab": "id:3:initdefault:\n",
            "/etc/rc5.d/S20qemu-ga": Link("../init.d/q"),
            "/etc/init.d/q": AGENT,
        },
        False,
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_without_systemd(name: str) -> None:
    files, runs = OTHERS[name]
    boot = BootServices(guest_tree({"/usr/sbin/qemu-ga": "\x7fELF"} | files), parse_command_line(""))
    facts = read_agent(boot, Known((), ""))
    assert facts.enabled.value is runs, facts.enabled.evidence


@pytest.mark.parametrize(("options", "answers"), [("quiet", True), ("quiet single", False)])
def test_runit_s_runlevel_is_a_word_of_the_command_line(options: str, *, answers: bool) -> None:
    files: dict[str, Content] = {
        "/sbin/init": Link("/usr/bin/runit-init"),
        "/usr/bin/runit-init": "\x7fELF",
        "/usr/bin/qemu-ga": "\x7fELF",
        "/etc/runit/runsvdir/default/qemu-ga": Link("/etc/sv/qemu-ga"),
        "/etc/runit/runsvdir/single/sulogin": Link("/etc/sv/sulogin"),
        "/etc/sv/qemu-ga/run": AGENT,
    }
    boot = BootServices(guest_tree(files), parse_command_line(options))
    assert read_agent(boot, Known((), "")).enabled.value is answers


@pytest.mark.parametrize(("options", "answers"), [("quiet", True), ("quiet 2", True), ("quiet 3", False)])
def test_sysvinit_s_runlevel_is_a_digit_of_the_command_line(options: str, *, answers: bool) -> None:
    files: dict[str, Content] = {
        "/sbin/init": "\x7fELF",
        "/usr/bin/qemu-ga": "\x7fELF",
        "/etc/inittab": "id:2:initdefault:\n",
        "/etc/rc2.d/S20qemu-ga": Link("../init.d/q"),
        "/etc/init.d/q": AGENT,
    }
    boot = BootServices(guest_tree(files), parse_command_line(options))
    assert read_agent(boot, Known((), "")).enabled.value is answers


def test_a_run_script_s_own_options_and_its_conf() -> None:
    files: dict[str, Content] = {
        "/sbin/init": Link("/usr/bin/runit-init"),
        "/usr/bin/runit-init": "\x7fELF",
        "/usr/bin/qemu-ga": "\x7fELF",
        "/etc/runit/runsvdir/default/qemu-ga": Link("/etc/sv/qemu-ga"),
        "/etc/sv/qemu-ga/conf": 'OPTS="-b guest-fsfreeze-freeze"\n',
        "/etc/sv/qemu-ga/run": "#!/bin/sh\n[ -r ./conf ] && . ./conf\nexec qemu-ga $OPTS 2>&1\n",
    }
    facts = read_agent(BootServices(guest_tree(files), parse_command_line("")), Known((), ""))
    assert (facts.enabled.value, facts.filtered_rpcs.value) == (True, BLOCKED)


def test_the_settings_of_openrc() -> None:
    files, _ = OTHERS["alpine"]
    conf = {"/etc/conf.d/qemu-guest-agent": 'GA_METHOD="isa-serial"\nGA_PATH="/dev/ttyS1"\n'}
    boot = BootServices(guest_tree({"/usr/bin/qemu-ga": "\x7fELF"} | files | conf), parse_command_line(""))
    facts = read_agent(boot, Known((), ""))
    assert facts.port.value == "isa-serial:/dev/ttyS1"
