"""What systemd starts: the rows are small guests, changed in one point each.

Where the truth is not in the manual, systemd 252 itself said it (`systemd --test` in a directory).
"""

import pytest
from support.guest_tree import Content, Link, guest_tree
from support.units import ETC, LIB, SYSTEM, WANTED, started, state

from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.guest.programs import Programs
from imgtool.guest.systemd import Machine, what_starts

NULL = Link("/dev/null")
A = {f"{LIB}/a.service": "[Service]\nExecStart=/bin/a\n"}
ON = {**A, f"{WANTED}/a.service": Link(f"{LIB}/a.service")}
FALLBACK = "rescue.target"
UPDATE = {"/system-update": Link("/var/x"), f"{LIB}/system-update.target": "[Unit]\n"}
PORT = r"dev-virtio\x2dports-org.qemu.guest_agent.0.device"

STARTS: dict[str, dict[str, Content]] = {
    "linked": ON,
    "linked with a dangling target": {**A, f"{WANTED}/a.service": Link("/gone/a.service")},
    "linked from /usr": {**A, f"{LIB}/multi-user.target.wants/a.service": Link("../a.service")},
    "other-target": {**A, f"{ETC}/getty.target.wants/a.service": Link(f"{LIB}/a.service")},
    "wanted-by-service": {**A, f"{ETC}/ssh.service.wants/a.service": Link(f"{LIB}/a.service")},
    "required": {**A, f"{ETC}/ssh.service.requires/a.service": Link(f"{LIB}/a.service")},
    "upheld": {**A, f"{ETC}/ssh.service.upholds/a.service": Link(f"{LIB}/a.service")},
    "alias": {
        **A,
        f"{ETC}/b.service": Link(f"{LIB}/a.service"),
        f"{WANTED}/b.service": Link(f"{ETC}/b.service"),
    },
    "alias over the old place": {
        **A,
        f"{ETC}/b.service": Link("/lib/systemd/system/a.service"),
        f"{WANTED}/b.service": Link("../b.service"),
    },
    "wants of an alias of the target": {**A, f"{ETC}/default.target.wants/a.service": Link("../a.service")},
    "by a drop-in": {**A, f"{ETC}/ssh.service.d/x.conf": "[Unit]\nWants=a.service\n"},
    "by a drop-in of all services": {**A, f"{ETC}/service.d/x.conf": "[Unit]\nWants=a.service\n"},
    "by a drop-in of a prefix": {
        **A,
        f"{ETC}/x-y-z.service": "[Service]\nExecStart=/bin/x\n",
        f"{WANTED}/x-y-z.service": Link("../x-y-z.service"),
        f"{ETC}/x-y-.service.d/x.conf": "[Unit]\nBindsTo=a.service\n",
    },
    "outside of the search path": {
        f"{ETC}/a.service": Link("/opt/b.service"),
        "/opt/b.service": "[Service]\nExecStart=/bin/a\n",
        f"{WANTED}/a.service": Link("../a.service"),
    },
    "by the port": {**A, f"{ETC}/{PORT}.wants/a.service": Link(f"{LIB}/a.service")},
    "by a timer after the boot": {
        **A,
        f"{LIB}/a.timer": "[Timer]\nOnBootSec=30\n",
        f"{LIB}/timers.target.wants/a.timer": Link("../a.timer"),
    },
    "a condition that holds": {**ON, f"{ETC}/a.service.d/x.conf": "[Unit]\nConditionPathExists=/etc\n"},
    "one of two triggers": {
        **ON,
        f"{ETC}/a.service.d/x.conf": "[Unit]\nConditionPathExists=|/no\nConditionPathExists=|/etc\n",
    },
    "conditions taken back": {
        **ON,
        f"{LIB}/a.service.d/1.conf": "[Unit]\nConditionPathExists=/no\nConditionHost=x\n",
        f"{ETC}/a.service.d/x.conf": "[Unit]\nConditionUser=\n",
    },
    "a drop-in with a condition masked": {
        **ON,
        f"{LIB}/a.service.d/x.conf": "[Unit]\nConditionPathExists=/no\n",
        f"{ETC}/a.service.d/x.conf": Link("/dev/null"),
    },
    "in a virtual machine": {**ON, f"{ETC}/a.service.d/x.conf": "[Unit]\nConditionVirtualization=vm\n"},
    "on KVM": {**ON, f"{ETC}/a.service.d/x.conf": "[Unit]\nConditionVirtualization=kvm\n"},
    "the wants link of a vendor over a mask of another": {**ON, f"{ETC}/b.service": NULL},
    "a wanted unit that is not there": {
        **ON,
        f"{LIB}/a.service": "[Unit]\nWants=gone.service\n[Service]\nExecStart=/bin/a\n",
    },
    "behind a target that wants it": {**ON, f"{ETC}/a.service.d/x.conf": "[Unit]\nAfter=multi-user.target\n"},
    "before a target that it wants": {
        **ON,
        f"{ETC}/a.service.d/x.conf": "[Unit]\nBefore=y.target\n",
        f"{ETC}/y.target": "[Unit]\nWants=a.service\n",
        f"{ETC}/multi-user.target.wants/y.target": Link("../y.target"),
    },
    "in the circle of two others": {
        **ON,
        f"{ETC}/a.service.d/x.conf": "[Unit]\nWants=m.service n.service\nAfter=m.service\n",
        f"{ETC}/m.service": "[Unit]\nAfter=n.service\n[Service]\nExecStart=/bin/m\n",
        f"{ETC}/n.service": "[Unit]\nAfter=m.service\n[Service]\nExecStart=/bin/n\n",
    },
    "a comment in a continuation": {
        **ON,
        f"{ETC}/a.service.d/x.conf": "[Unit]\nDescription=x \\\n# ConditionPathExists=/no \\\n y\n",
    },
    "rc-local": {
        **A,
        f"{LIB}/rc-local.service": "[Unit]\nConditionFileIsExecutable=/etc/rc.local\nWants=a.service\n"
        "[Service]\nExecStart=/etc/rc.local\n",
        "/etc/rc.local": "#!/bin/sh\n",
    },
    "System V": {
        "/etc/init.d/a": "#!/bin/sh\n",
        "/etc/rc2.d/S05a": Link("../init.d/a"),
    },
}


@pytest.mark.parametrize("files", STARTS.values(), ids=STARTS)
def test_starts(files: dict[str, Content]) -> None:
    found = state(files)
    assert (found.starts, found.reason) == (True, "")
    assert found.chain


STAYS_DOWN: dict[str, tuple[dict[str, Content], str]] = {
    "not enabled": (A, "nothing that starts wants a.service"),
    "not there": ({}, "no unit file"),
    "masked": ({**ON, f"{ETC}/a.service": Link("/dev/null")}, "masks it"),
    "empty": ({**ON, f"{ETC}/a.service": ""}, "masks it"),
    "exec-twice": (
        {**ON, f"{ETC}/a.service.d/x.conf": "[Service]\nExecStart=/bin/b\n"},
        "2 commands of ExecStart=",
    ),
    "oneshot that restarts": (
        {**ON, f"{ETC}/a.service.d/x.conf": "[Service]\nType=oneshot\nRestart=always\n"},
        "Restart=always is not allowed",
    ),
    "dbus without a name": (
        {**ON, f"{ETC}/a.service.d/x.conf": "[Service]\nType=dbus\n"},
        "has no BusName=",
    ),
    "the link masked": ({**ON, f"{WANTED}/a.service": Link("/dev/null")}, "nothing that starts wants"),
    "no link but a file": ({**A, f"{WANTED}/a.service": "x"}, "nothing that starts wants"),
    "condition-path": (
        {**ON, f"{ETC}/a.service.d/x.conf": "[Unit]\nConditionPathExists=/etc/enable-agent\n"},
        "ConditionPathExists=/etc/enable-agent",
    ),
    "a condition that is negated": (
        {**ON, f"{ETC}/a.service.d/x.conf": "[Unit]\nConditionPathExists=!/etc/machine-id\n"},
        "ConditionPathExists=!/etc/machine-id",
    ),
    "no trigger holds": (
        {**ON, f"{ETC}/a.service.d/x.conf": "[Unit]\nConditionPathExists=|/no\nConditionPathExists=|/none\n"},
        "ConditionPathExists=|/no",
    ),
    "only in containers": (
        {**ON, f"{ETC}/a.service.d/x.conf": "[Unit]\nConditionVirtualization=container\n"},
        "ConditionVirtualization=container",
    ),
    "only on bare metal": (
        {**ON, f"{ETC}/a.service.d/x.conf": "[Unit]\nConditionVirtualization=no\n"},
        "ConditionVirtualization=no",
    ),
    "an assert": ({**ON, f"{ETC}/a.service.d/x.conf": "[Unit]\nAssertPathExists=/no\n"}, "AssertPathExists"),
    "in a circle with what the boot requires": (
        {**ON, f"{ETC}/a.service.d/x.conf": "[Unit]\nBefore=sysinit.target\n"},
        "which waits for it: systemd leaves one of them out",
    ),
    "requires what is not there": (
        {**ON, f"{ETC}/a.service.d/x.conf": "[Unit]\nRequires=gone.service\n"},
        "it requires gone.service",
    ),
    "requires what is masked": (
        {**ON, f"{ETC}/a.service.d/x.conf": "[Unit]\nBindsTo=b.service\n", f"{ETC}/b.service": NULL},
        "it requires b.service",
    ),
    "waits for what an assert stops": (
        {
            **ON,
            f"{ETC}/a.service.d/x.conf": "[Unit]\nRequires=b.service\nAfter=b.service\n",
            f"{LIB}/b.service": "[Unit]\nAssertPathExists=/no\n[Service]\nExecStart=/bin/b\n",
        },
        "b.service: AssertPathExists",
    ),
    "a target of its own that nothing wants": (
        {**A, f"{ETC}/other.target.wants/a.service": Link("../a.service"), f"{LIB}/other.target": "[Unit]\n"},
        "nothing that starts wants",
    ),
    "wanted by what is masked": (
        {**A, f"{ETC}/ssh.service.wants/a.service": Link("../a.service"), f"{ETC}/ssh.service": NULL},
        "nothing that starts wants",
    ),
    "no-udevd": (
        {
            **A,
            f"{ETC}/{PORT}.wants/a.service": Link("../a.service"),
            f"{ETC}/systemd-udevd.service": Link("/dev/null"),
        },
        "nothing that starts wants",
    ),
    "a section that has no end": ({**ON, f"{LIB}/a.service": "[Unit\n[Service]\n"}, "has no end"),
    "an alias of another type": (
        {**A, f"{ETC}/b.timer": Link(f"{LIB}/a.service"), f"{WANTED}/b.timer": Link("../b.timer")},
        "nothing that starts wants",
    ),
    "rc-local not executable": (
        {**A, f"{LIB}/rc-local.service": "[Unit]\nWants=a.service\n[Service]\nExecStart=/bin/x\n"},
        "nothing that starts wants",
    ),
    "System V in runlevel S alone": (
        {"/etc/init.d/a": "#!/bin/sh\n", "/etc/rcS.d/S05a": Link("../init.d/a")},
        "nothing that starts wants",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "reason"), STAYS_DOWN.values(), ids=STAYS_DOWN)
def test_does_not_start(files: dict[str, Content], reason: str) -> None:
    found = state(files)
    assert found.starts is False
    assert reason in found.reason


@pytest.mark.parametrize(
    "files",
    [
        {**ON, f"{ETC}/a.service.d/x.conf": "[Unit]\nConditionHost=web*\n"},
        {
            **A,
            f"{LIB}/a.timer": "[Timer]\nOnCalendar=daily\n",
            f"{LIB}/timers.target.wants/a.timer": Link("../a.timer"),
        },
        {
            **A,
            f"{LIB}/a.socket": "[Socket]\nListenStream=99\n",
            f"{LIB}/sockets.target.wants/a.socket": Link("../a.socket"),
        },
    ],
    ids=["a host's name", "a time of day", "a connection"],
)
def test_what_only_the_running_machine_knows(files: dict[str, Content]) -> None:
    found = state(files)
    assert found.starts is None
    assert "it depends on" in found.reason


@pytest.mark.parametrize(
    ("words", "unit", "starts"),
    [
        ("systemd.mask=a.service", "a.service", False),
        ("systemd.mask=a", "a.service", False),
        ("systemd.mask=b", "a.service", True),
        ("systemd.unit=rescue.target", "a.service", False),
        ("single", "a.service", False),
        ("3", "a.service", True),
        ("systemd.wants=b.service", "b.service", True),
        ("ro", "b.service", False),
    ],
)
def test_the_command_line(words: str, unit: str, *, starts: bool) -> None:
    files = {**ON, f"{LIB}/b.service": "[Service]\nExecStart=/bin/b\n"}
    assert state(files, unit, words).starts is starts


@pytest.mark.parametrize(
    ("files", "words", "target", "fallback"),
    [
        ({}, "ro", "graphical.target", ""),
        ({f"{ETC}/default.target": Link(f"{LIB}/multi-user.target")}, "ro", "multi-user.target", ""),
        ({f"{ETC}/default.target": Link(f"{LIB}/gone.target")}, "ro", FALLBACK, "gone.target"),
        ({f"{ETC}/default.target": Link("/dev/null")}, "ro", FALLBACK, "masks it"),
        ({f"{LIB}/default.target": Link("gone.target")}, "ro", FALLBACK, "cannot be loaded"),
        ({f"{ETC}/multi-user.target": NULL}, "systemd.unit=multi-user.target", FALLBACK, "masks"),
        ({}, "systemd.unit=gone.target", FALLBACK, "cannot be loaded"),
        ({}, "emergency", "emergency.target", ""),
        (UPDATE, "ro", "system-update.target", ""),
    ],
)  # fmt: skip
def test_the_default_target(files: dict[str, Content], words: str, target: str, fallback: str) -> None:
    found = started(files, words).default
    assert found.name == target
    assert fallback in found.fallback
    assert bool(found.fallback) is bool(fallback)


def test_presets_of_a_first_boot() -> None:
    unit = "[Service]\nExecStart=/bin/a\n[Install]\nWantedBy=multi-user.target\n"
    files: dict[str, Content] = {
        f"{LIB}/a.service": unit,
        f"{LIB}/b.service": unit,
        f"{LIB}/c@.service": unit,
        "/usr/lib/systemd/system-preset/10-x.preset": "# x\nenable a.service\nenable c@.service one two\n",
        "/usr/lib/systemd/system-preset/99-off.preset": "disable *\n",
    }
    assert started(files).unit("a.service").starts is False
    for machine_id in ("uninitialized\n", None):
        tree = guest_tree({
            path: content for path, content in {**SYSTEM, **files, "/etc/machine-id": machine_id}.items()
            if content is not None
        })  # fmt: skip
        found = what_starts(tree, Machine(parse_command_line("ro")))
        assert found.unit("a.service").starts is True
        assert "10-x.preset" in found.unit("a.service").why
        assert found.unit("b.service").starts is False
        assert found.unit("c@two.service").starts is True


def test_without_presets_all_is_enabled_at_a_first_boot() -> None:
    unit = "[Service]\nExecStart=/bin/a\n[Install]\nWantedBy=multi-user.target\n"
    files = {**SYSTEM, f"{LIB}/a.service": unit, "/etc/machine-id": "uninitialized"}
    found = what_starts(guest_tree(files), Machine(parse_command_line("ro")))
    assert found.unit("a.service").starts is True
    forced = what_starts(guest_tree(files), Machine(parse_command_line(f"systemd.machine_id={'0a' * 16}")))
    assert forced.unit("a.service").starts is False


@pytest.mark.parametrize(
    ("command", "starts"),
    [("/bin/a", False), ("-/bin/a", True), ("/bin/script", True), ("script", True), ("nothing", False)],
)
def test_a_program_that_cannot_be_run(command: str, *, starts: bool) -> None:
    files: dict[str, Content] = {
        **SYSTEM,
        **ON,
        f"{LIB}/a.service": f"[Service]\nExecStart={command}\n",
        "/bin/script": "#!relative\n",
    }
    tree = guest_tree(files)
    found = what_starts(tree, Machine(parse_command_line("ro")), Programs(tree)).unit("a.service")
    assert found.starts is starts


def test_a_template_and_its_instance() -> None:
    files: dict[str, Content] = {
        f"{LIB}/a@.service": "[Unit]\nConditionPathExists=/etc/%i\nWants=b@%i.service\n[Service]\n"
        "ExecStart=/bin/a\n",
        f"{LIB}/b@.service": "[Service]\nExecStart=/bin/b\n",
        f"{WANTED}/a@machine\\x2did.service": Link(f"{LIB}/a@.service"),
        f"{WANTED}/a@hosts.service": Link(f"{LIB}/a@.service"),
        f"{ETC}/a@hosts.service.d/x.conf": "[Unit]\nConditionPathExists=\n",
    }
    found = started(files)
    assert found.unit("a@hosts.service").starts is True
    assert found.unit("b@hosts.service").starts is True
    assert found.unit(r"a@machine\x2did.service").starts is False


@pytest.mark.parametrize(
    ("dependency", "library", "starts"),
    [
        ("Requires=gone.service", "libsystemd-shared-252.so", True),
        ("Requires=gone.service\nAfter=gone.service", "libsystemd-shared-255.4-1.fc40.so", True),
        ("BindsTo=gone.service", "libsystemd-shared-252.so", False),
        ("BindsTo=gone.service\nAfter=gone.service", "libsystemd-shared-252.so", False),
        ("Requires=gone.service", "libsystemd-shared-257.so", False),
        ("Wants=gone.service", "libsystemd-shared-257.so", True),
    ],
)
def test_before_257_a_wanted_unit_starts_without_what_it_requires(
    dependency: str, library: str, *, starts: bool
) -> None:
    """Seen with `systemd --test` of systemd 252; systemd's issues 11338 and 16909.

    What is bound to it ends as soon as it runs.
    """
    files: dict[str, Content] = {
        **ON,
        f"{ETC}/a.service.d/x.conf": f"[Unit]\n{dependency}\n",
        f"/usr/lib/x86_64-linux-gnu/systemd/{library}": "",
    }
    assert state(files).starts is starts


@pytest.mark.parametrize(
    ("device", "starts"),
    [
        ("dev-ttyS0.device", True),
        (PORT, True),
        (PORT.replace("agent.0", "agent.1"), False),
        ("dev-missing.device", None),
    ],
)
@pytest.mark.parametrize("needs", ["Requires", "BindsTo"])
def test_a_device_that_it_waits_for(needs: str, device: str, starts: bool | None) -> None:
    """systemd gives up after 90 seconds."""
    drop_in = {f"{ETC}/a.service.d/x.conf": f"[Unit]\n{needs}={device}\nAfter={device}\n"}
    assert state({**ON, **drop_in}).starts is starts


def test_what_a_device_wants_never_starts_without_what_it_requires() -> None:
    """Booted with Debian 12: the agent, which the port wants, did not start."""
    files: dict[str, Content] = {
        **A,
        f"{ETC}/{PORT}.wants/a.service": Link(f"{LIB}/a.service"),
        f"{ETC}/a.service.d/x.conf": "[Unit]\nRequires=gone.service\n",
        "/usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-252.so": "",
    }
    found = state(files)
    assert found.starts is False
    assert "it requires gone.service" in found.reason
