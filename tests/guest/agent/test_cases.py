"""What was tried of a Debian's agent, each case a change in one point: what the boot did with it."""

from collections.abc import Mapping

import pytest
from support.guest_tree import Content, File, Link, guest_tree
from support.units import SYSTEM

from imgtool.guest.agent import read_agent
from imgtool.guest.boot_services import BootServices
from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.model.facts import Known
from imgtool.model.services import OPENSTACK_PORT, AgentFacts

S, E = "/usr/lib/systemd/system", "/etc/systemd/system"
NAME = "qemu-guest-agent.service"
UNIT = f"{S}/{NAME}"
DEVICE = r"dev-virtio\x2dports-org.qemu.guest_agent.0.device"
RULES = "/usr/lib/udev/rules.d/60-qemu-guest-agent.rules"
RULE = (
    'SUBSYSTEM=="virtio-ports", ATTR{name}=="org.qemu.guest_agent.0", \\\n'
    '  TAG+="systemd", ENV{SYSTEMD_WANTS}="qemu-guest-agent.service"\n'
)
DEBIAN: dict[str, Content] = {
    **SYSTEM,
    "/usr/sbin/qemu-ga": "\x7fELF",
    UNIT: f"[Unit]\nBindsTo={DEVICE}\nAfter={DEVICE}\n"
    "[Service]\nExecStart=-/usr/sbin/qemu-ga\nRestart=always\n",
    RULES: RULE,
    "/usr/lib/udev/rules.d/50-udev-default.rules": 'SUBSYSTEM=="virtio-ports", KERNEL=="vport*", '
    'ATTR{name}=="?*", SYMLINK+="virtio-ports/$attr{name}"\n',
    "/usr/lib/udev/rules.d/99-systemd.rules": 'KERNEL=="vport*", TAG+="systemd"\n',
}
DROP = f"{E}/{NAME}.d/x.conf"
CONF = "/etc/qemu/qemu-ga.conf"


def read(change: Mapping[str, Content | None], options: str = "") -> AgentFacts:
    files = {path: content for path, content in (DEBIAN | dict(change)).items() if content is not None}
    return read_agent(BootServices(guest_tree(files), parse_command_line(options)), Known((), ""))


def execute(command: str, more: str = "") -> dict[str, Content]:
    return {DROP: f"[Service]\n{more}ExecStart=\nExecStart={command}\n"}


BLOCKED = ("guest-fsfreeze-freeze",)
TWO = ("guest-fsfreeze-freeze", "guest-set-user-password")
NO_RULE: dict[str, Content | None] = {RULES: None}

GETTY = f"{E}/getty.target.wants/{NAME}"
RC_LOCAL: dict[str, Content | None] = {
    RULES: None,
    UNIT: None,
    f"{S}/rc-local.service": "[Unit]\nConditionFileIsExecutable=/etc/rc.local\n"
    "[Service]\nExecStart=/etc/rc.local start\n",
    "/etc/rc.local": "#!/bin/sh\n/usr/sbin/qemu-ga -d\n",
}
PRESET: dict[str, Content | None] = {
    RULES: None,
    "/etc/machine-id": None,
    UNIT: "[Service]\nExecStart=/usr/sbin/qemu-ga\n[Install]\nWantedBy=multi-user.target\n",
    "/usr/lib/systemd/system-preset/10-qga.preset": f"enable {NAME}\n",
}

RUNS: dict[str, Mapping[str, Content | None]] = {
    "as it is": {},
    "preset-firstboot": PRESET,
    "other-target": {RULES: None, GETTY: Link(UNIT)},
    "wanted-by-service": {RULES: None, f"{E}/ssh.service.wants/{NAME}": Link(UNIT)},
    "alias": {
        RULES: None,
        f"{E}/qga.service": Link(UNIT),
        f"{E}/multi-user.target.wants/qga.service": Link(f"{E}/qga.service"),
    },
    "a unit by another name": {
        RULES: None,
        UNIT: None,
        f"{E}/own.service": "[Service]\nExecStart=/usr/sbin/qemu-ga -v\n",
        f"{E}/multi-user.target.wants/own.service": Link(f"{E}/own.service"),
    },
    "wanted by the command line's unit": {RULES: None, f"{E}/default.target.wants/{NAME}": Link(UNIT)},
    "a condition that holds": {
        DROP: "[Unit]\nConditionVirtualization=vm\nConditionPathExists=/usr/sbin/qemu-ga\n"
    },
    "requires a service that starts": {DROP: "[Unit]\nRequires=ssh.service\n"},
    "udev-rule-other": {
        RULES: None,
        f"{E}/multi-user.target.wants/{NAME}": Link(UNIT),
        UNIT: "[Service]\nExecStart=/usr/sbin/qemu-ga\n",
    },
    "localbin": {
        "/usr/sbin/qemu-ga": None,
        "/usr/local/sbin/qemu-ga": "\x7fELF",
        UNIT: "[Service]\nExecStart=-/usr/local/sbin/qemu-ga\n",
    },
    "rclocal": {RULES: None, UNIT: None, "/etc/rc.local": "#!/bin/sh\n/usr/sbin/qemu-ga -d\n"},
    "bound to the port, and wanted by a target": {
        RULES: None,
        f"{E}/multi-user.target.wants/{NAME}": Link(UNIT),
    },
    "the rule has no tag": {RULES: RULE.replace('TAG+="systemd", ', "")},
    "systemd's own rules are not known": {
        "/usr/lib/udev/rules.d/99-systemd.rules": None,
        "/usr/lib/udev/rules.d/50-udev-default.rules": None,
    },
    "a rule with a match on the kernel's name": {
        RULES: RULE.replace("SUBSYSTEM", 'KERNEL=="vport*", SUBSYSTEM')
    },
    "an unknown key": {RULES: RULE.replace("SUBSYSTEM", 'RESULT=="x", SUBSYSTEM')},
    "an escape in the rule": {
        RULES: RULE.replace('"qemu-guest-agent.service"', 'e"qemu-guest-agent.service"')
    },
    "jumped to": {RULES: 'SUBSYSTEM!="virtio-ports", GOTO="end"\n' + RULE + 'LABEL="end"\n'},
    "through a shell": execute('/bin/sh -c "exec /usr/sbin/qemu-ga"'),
    "through env": execute("/usr/bin/env A=1 /usr/sbin/qemu-ga"),
    "path written otherwise": execute(
        "/usr/sbin/qemu-ga -p /dev//virtio-ports/../virtio-ports/org.qemu.guest_agent.0"
    ),
    "by name": execute("qemu-ga"),
    "environment file may be missing": {DROP: "[Service]\nEnvironmentFile=-/etc/sysconfig/qemu-ga\n"},
    "before it, something that may fail": {DROP: "[Service]\nExecStartPre=-/bin/false\n"},
}


@pytest.mark.parametrize("name", RUNS)
def test_it_runs(name: str) -> None:
    facts = read(RUNS[name])
    assert (facts.installed.value, facts.enabled.value, facts.enabled.evidence) == (
        True,
        True,
        facts.enabled.evidence,
    )
    assert facts.port.value == OPENSTACK_PORT
    assert facts.filtered_rpcs.value == ()


NEVER: dict[str, tuple[Mapping[str, Content | None], str]] = {
    "exec-true": (execute("/bin/true", "Type=oneshot\nRestart=no\n"), "/bin/true, which is not qemu-ga"),
    "noexec": ({"/usr/sbin/qemu-ga": File("\x7fELF", 0o644)}, "/usr/sbin/qemu-ga is not executable"),
    "udev-rule-other": (
        {"/etc/udev/rules.d/60-qemu-guest-agent.rules": "# nothing here\n"},
        "/etc/udev/rules.d/60-qemu-guest-agent.rules stands in place of the udev rule",
    ),
    "udev rule masked": (
        {"/etc/udev/rules.d/60-qemu-guest-agent.rules": Link("/dev/null")},
        "60-qemu-guest-agent",
    ),
    "no-udevd": ({f"{E}/systemd-udevd.service": Link("/dev/null")}, "systemd-udevd.service masks it"),
    "udevd cannot start": (
        {f"{E}/systemd-udevd.service.d/x.conf": "[Service]\nReadWritePaths=/nonexistent\n"},
        "systemd-udevd.service: ReadWritePaths=/nonexistent is not there",
    ),
    "no udev events": ({f"{E}/systemd-udev-trigger.service": Link("/dev/null")}, "systemd-udev-trigger"),
    "a later rule takes it back": (
        {"/etc/udev/rules.d/99-own.rules": 'SUBSYSTEM=="virtio-ports", ENV{SYSTEMD_WANTS}=""\n'},
        "no udev rule and no wants link",
    ),
    "a later rule takes the tag": (
        {"/etc/udev/rules.d/zz.rules": 'SUBSYSTEM=="virtio-ports", TAG-="systemd"\n'},
        "the tag systemd",
    ),
    "the rule is for removal": (
        {RULES: RULE.replace("SUBSYSTEM", 'ACTION=="remove", SUBSYSTEM')},
        "no udev rule",
    ),
    "the rule is for another port": ({RULES: RULE.replace("org.qemu", "com.redhat")}, "no udev rule"),
    "the rule jumps over it": (
        {RULES: 'SUBSYSTEM=="virtio-ports", GOTO="end"\n' + RULE + 'LABEL="end"\n'},
        "no udev rule",
    ),
    "the port has no name": (
        {"/etc/udev/rules.d/50-udev-default.rules": Link("/dev/null")},
        "its name in /dev",
    ),
    "not ready": (
        {"/etc/udev/rules.d/zz.rules": 'SUBSYSTEM=="virtio-ports", ENV{SYSTEMD_READY}="0"\n'},
        "the tag systemd",
    ),
    "wanted, but bound to a port without a tag": (
        {
            RULES: None,
            f"{E}/multi-user.target.wants/{NAME}": Link(UNIT),
            "/etc/udev/rules.d/99-systemd.rules": Link("/dev/null"),
        },
        "the tag systemd",
    ),
    "condition-path": (
        {DROP: "[Unit]\nConditionPathExists=/etc/enable-agent\n"},
        "ConditionPathExists=/etc/enable-agent",
    ),
    "condition-container": ({DROP: "[Unit]\nConditionVirtualization=container\n"}, "ConditionVirtualization"),
    "masked": ({f"{E}/{NAME}": Link("/dev/null")}, f"{E}/{NAME} masks it"),
    "requires what is masked": (
        {DROP: "[Unit]\nRequires=ssh.service\n", f"{E}/ssh.service": Link("/dev/null")},
        "it requires ssh.service",
    ),
    "wanted by a target that nothing wants": (
        {RULES: None, f"{E}/foo.target.wants/{NAME}": Link(UNIT)},
        "no udev rule",
    ),
    "machine-id set: presets are not applied": (
        {**PRESET, "/etc/machine-id": "0" * 32 + "\n"},
        "no udev rule",
    ),
    "program gone": ({"/usr/sbin/qemu-ga": None}, "there is no program"),
    "program empty": ({"/usr/sbin/qemu-ga": ""}, "has no bytes"),
    "unknown option": (execute("/usr/sbin/qemu-ga --foo"), "--foo"),
    "ambiguous option": (execute("/usr/sbin/qemu-ga --p /dev/x"), "could be path, pidfile"),
    "prints its help": (execute("/usr/sbin/qemu-ga -h"), "prints its help"),
    "broken configuration": ({CONF: "block-rpcs=x\n"}, "does not begin with a group"),
    "environment file missing": ({DROP: "[Service]\nEnvironmentFile=/etc/none\n"}, "/etc/none is not there"),
    "before it, something that fails": ({DROP: "[Service]\nExecStartPre=/bin/false\n"}, "/bin/false fails"),
    "rc.local is not executable": (
        {**RC_LOCAL, "/etc/rc.local": File("#!/bin/sh\n/usr/sbin/qemu-ga -d\n", 0o644)},
        "no systemd unit",
    ),
    "rc.local ends before": (
        {**RC_LOCAL, "/etc/rc.local": "#!/bin/sh\nexit 0\n/usr/sbin/qemu-ga -d\n"},
        "no systemd unit",
    ),
    "no ExecStart": ({UNIT: "[Service]\n"}, "the unit starts nothing"),
}


@pytest.mark.parametrize("name", NEVER)
def test_it_never_runs(name: str) -> None:
    change, evidence = NEVER[name]
    facts = read(change)
    assert facts.enabled.value is False
    assert evidence in facts.enabled.evidence


@pytest.mark.parametrize("option", ["systemd.mask=qemu-guest-agent.service", "systemd.mask=qemu-guest-agent"])
def test_mask_agent(option: str) -> None:
    facts = read({}, f"ro {option}")
    assert (
        facts.enabled.value,
        "systemd.mask=qemu-guest-agent.service on the" in facts.enabled.evidence,
    ) == (
        False,
        True,
    )


WHERE: dict[str, tuple[Mapping[str, Content | None], str]] = {
    "conf-otherpath": (
        {CONF: "[general]\npath=/dev/virtio-ports/com.example.agent\n"},
        "/dev/virtio-ports/com.example.agent",
    ),
    "exec-isaserial": (execute("/usr/sbin/qemu-ga -m isa-serial -p /dev/ttyS1"), "isa-serial:/dev/ttyS1"),
    "conf-isaserial": ({CONF: "[general]\nmethod=isa-serial\n"}, "isa-serial:/dev/ttyS0"),
    "conf in another place": (
        execute("/usr/sbin/qemu-ga", "Environment=QGA_CONF=/etc/x.conf\n")
        | {"/etc/x.conf": "[general]\npath=/dev/x\n"},
        "/dev/x",
    ),
    "option wins": (
        execute(f"/usr/sbin/qemu-ga --path={OPENSTACK_PORT}") | {CONF: "[general]\npath=/dev/x\n"},
        OPENSTACK_PORT,
    ),
}


@pytest.mark.parametrize("name", WHERE)
def test_where_it_listens(name: str) -> None:
    change, port = WHERE[name]
    facts = read(change)
    assert (facts.enabled.value, facts.port.value) == (True, port)
    assert facts.channel.value is False
    assert port == OPENSTACK_PORT or f"listens on {port}" in facts.channel.evidence


GA = "/usr/sbin/qemu-ga"
FILTERS: dict[str, tuple[Mapping[str, Content | None], tuple[str, ...]]] = {
    "block-dropin": (execute(f"{GA} --block-rpcs=guest-fsfreeze-freeze,guest-set-user-password"), TWO),
    "block-attached": (execute(f"{GA} -bguest-fsfreeze-freeze,guest-set-user-password"), TWO),
    "block-sh": (execute(f'/bin/sh -c "exec {GA} -b guest-fsfreeze-freeze"'), BLOCKED),
    "block-dropin-continued": (execute(f"{GA} \\\n  --block-rpcs=guest-fsfreeze-freeze"), BLOCKED),
    "abbreviated": (execute(f"{GA} --blo=guest-fsfreeze-freeze"), BLOCKED),
    "old name": (execute(f"{GA} --blacklist guest-fsfreeze-freeze"), BLOCKED),
    "in a cluster": (execute(f"{GA} -vbguest-fsfreeze-freeze"), BLOCKED),
    "behind --": (execute(f"{GA} -- -b guest-fsfreeze-freeze"), ()),
    "value of -F": (execute(f"{GA} -F-bguest-fsfreeze-freeze"), ()),
    "shell with a variable": (
        execute(f"/bin/sh -c 'exec {GA} $OPTS'", "Environment=OPTS=-bguest-fsfreeze-freeze\n"),
        BLOCKED,
    ),
    "a file of variables wins": (
        execute(f"{GA} $OPTS", "Environment=OPTS=-bguest-ping\nEnvironmentFile=/etc/o\n")
        | {"/etc/o": "OPTS=-b guest-fsfreeze-freeze\n"},
        BLOCKED,
    ),
    "a list that is empty again": (
        {DROP: f"[Service]\nExecStart=\nExecStart={GA} -b x\nExecStart=\nExecStart={GA}\n"},
        (),
    ),
    "an allow list that this version does not know": (
        {
            "/usr/sbin/qemu-ga": "\x7fELF\0block-rpcs\0blacklist\0",
            CONF: "[general]\nallow-rpcs=guest-ping\n",
        },
        (),
    ),
    "configuration": ({CONF: "[general]\nblock-rpcs=guest-fsfreeze-freeze\n"}, BLOCKED),
    "both": (
        {CONF: "[general]\nblock-rpcs=guest-fsfreeze-freeze\n"} | execute(f"{GA} -b guest-set-user-password"),
        TWO,
    ),
}


@pytest.mark.parametrize("name", FILTERS)
def test_what_is_filtered(name: str) -> None:
    change, rpcs = FILTERS[name]
    facts = read(change)
    assert (facts.enabled.value, facts.filtered_rpcs.value) == (True, rpcs)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("User=nobody", "User=nobody"),
        ("User=root", ""),
        ("User=agent\nAmbientCapabilities=CAP_DAC_OVERRIDE", ""),
        ("DynamicUser=yes", "DynamicUser="),
        ("PrivateDevices=yes", "PrivateDevices="),
        ("PrivateDevices=yes\nPrivateDevices=no", ""),
        ("DevicePolicy=closed", "DevicePolicy="),
        ("DeviceAllow=/dev/null rw", "DevicePolicy="),
        ("DevicePolicy=strict\nDeviceAllow=/dev/vport1p1 rw", ""),
        ("DeviceAllow=char-virtio-portsdev rw", ""),
        ("DevicePolicy=auto", ""),
        ("InaccessiblePaths=-/dev/virtio-ports", "InaccessiblePaths="),
        ("InaccessiblePaths=-/home", ""),
        ("TemporaryFileSystem=/dev", "TemporaryFileSystem=/dev"),
        ("ProtectSystem=strict", "ProtectSystem=strict keeps it from writing its state"),
        ("ProtectSystem=strict\nReadWritePaths=-/run", ""),
        ("ProtectSystem=full", ""),
        ("ReadOnlyPaths=-/run", "ReadOnlyPaths=/run"),
        ("TemporaryFileSystem=/run:ro", "TemporaryFileSystem=/run"),
        ("TemporaryFileSystem=/run", ""),
        ("ReadWritePaths=/nonexistent", "ReadWritePaths=/nonexistent"),
        ("BindPaths=/nonexistent", "BindPaths=/nonexistent"),
        ("SystemCallFilter=~@process", "SystemCallFilter=~@process"),
        ("SystemCallFilter=~@mount @process", "SystemCallFilter=~@process"),
        ("SystemCallFilter=@system-service", ""),
        ("TasksMax=1", "TasksMax="),
        ("ExecStartPre=/nonexistent", "ExecStartPre=/nonexistent"),
        ("PrivateDevices=yes\nExecStart=\nExecStart=+/usr/sbin/qemu-ga", ""),
        ("User=nobody\nExecStart=\nExecStart=!/usr/sbin/qemu-ga", ""),
        ("User=nobody\nExecStart=\nExecStart=!!/usr/sbin/qemu-ga", "User=nobody"),
        ("ExecStart=\nExecStart=/usr/sbin/qemu-ga -t /nonexistent", "the directory of its state"),
        ("ExecStart=\nExecStart=/usr/sbin/qemu-ga -l /nonexistent/log", "the directory of its log"),
        ("ExecStart=\nExecStart=/usr/sbin/qemu-ga --logfile=/run/log -t /tmp", ""),
        ("WorkingDirectory=/nonexistent", "WorkingDirectory="),
        ("WorkingDirectory=-/nonexistent", ""),
        ("WorkingDirectory=/usr", ""),
        ("RootDirectory=/nonexistent", "RootDirectory="),
        ("Type=notify", "Type=notify"),
        ("Type=forking", "Type=forking"),
        ("Type=exec", ""),
        ("ExecStart=\nExecStart=/usr/sbin/qemu-ga -d", "Type=simple"),
        ("Type=forking\nExecStart=\nExecStart=/usr/sbin/qemu-ga --daemonize", ""),
        ("Type=forking\nTimeoutStartSec=infinity", ""),
        (
            "Type=forking\nPIDFile=/run/x.pid\nExecStart=\nExecStart=/usr/sbin/qemu-ga -d",
            "PIDFile=/run/x.pid",
        ),
        ("Type=forking\nPIDFile=qemu-ga.pid\nExecStart=\nExecStart=/usr/sbin/qemu-ga -d", ""),
        (
            "Type=forking\nPIDFile=/run/x.pid\nExecStart=\nExecStart=/usr/sbin/qemu-ga -d -f /var/run/x.pid",
            "",
        ),
        ("Type=notify\nTimeoutStartSec=0", ""),
        ("Type=dbus\nBusName=org.example.Agent", "Type=dbus"),
        ("Type=oneshot\nRestart=no", ""),
        ("Type=oneshot\nRestart=no\nTimeoutStartSec=1min", "Type=oneshot"),
        ("TasksMax=0", ""),
        ("ExecStartPre=/bin/sleep 120", "takes longer than the 90 seconds"),
        (
            "ExecStart=\nExecStart=/bin/sh -c 'test -f /missing && exec /usr/sbin/qemu-ga'",
            "before it comes to qemu-ga",
        ),
        ("ExecStart=\nExecStart=/bin/sh -c 'test -d /etc && exec /usr/sbin/qemu-ga'", ""),
        ("ExecStart=\nExecStart=/bin/sh -c 'exit 0; exec /usr/sbin/qemu-ga'", "before it comes to qemu-ga"),
        ("ExecStart=\nExecStart=/bin/sh -c '. /etc/x; exec /usr/sbin/qemu-ga'", ""),
    ],
)
def test_what_a_unit_takes_away_from_the_agent(settings: str, says: str) -> None:
    """The port is root's, mode 0600; the agent sends no sd_notify."""
    found = read({DROP: f"[Service]\n{settings}\n"})
    assert isinstance(found.enabled, Known)
    assert (found.enabled.value, says in found.enabled.evidence) == (not says, True)
