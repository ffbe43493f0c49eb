# ruff: noqa: E501 - the rows of the tables are easier to compare in one line
"""Init, its target, SELinux, and names that instances would share."""

import pytest
from guest.test_programs import CODE, healthy
from support.facts import known
from support.guest_tree import Content, File, Link, guest_tree
from support.units import ETC, LIB, SYSTEM

from imgtool.guest.agent import read_agent
from imgtool.guest.boot_services import BootServices
from imgtool.guest.cloud_init.config import cloud_config_fact
from imgtool.guest.cloud_init.facts import read_cloud_init
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.init import find_init, startup_troubles
from imgtool.guest.init_system import init_system
from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.guest.programs import Programs
from imgtool.guest.selinux import read_selinux_troubles
from imgtool.guest.systemd import Machine, what_starts
from imgtool.guest.user_space import read_shared_identity
from imgtool.model.facts import Unknown

INIT: dict[str, Content] = {
    **healthy(),
    **SYSTEM,
    "/usr/lib/systemd/systemd": CODE,
    "/sbin/init": Link("/usr/lib/systemd/systemd"),
    "/bin/sh": CODE,
}
INIT.pop("/lib")


def startup(changed: dict[str, Content | None], line: str = "ro") -> list[str]:
    files = {path: content for path, content in {**INIT, **changed}.items() if content is not None}
    tree = guest_tree(files)
    command_line = parse_command_line(line)
    init = find_init(tree, Programs(tree), command_line)
    started = what_starts(tree, Machine(command_line)) if init.is_systemd else None
    found = list(startup_troubles(tree, init, started, command_line))
    assert all(one.evidence and one.remedy for one in found)
    return [f"{one.effect}: {one.message}" for one in found]


@pytest.mark.parametrize(
    ("asked", "further", "path", "problem"),
    [
        ("/nosuch", True, "/sbin/init", ""),
        ("/nosuch", False, "/nosuch", "init cannot be run: /nosuch is not there"),
        ("/bin/sh", True, "/bin/sh", "/bin/sh is started in place of an init: a shell"),
        ("/usr/lib/systemd/systemd", True, "/usr/lib/systemd/systemd", ""),
    ],
)
def test_an_initramfs_that_looks_further(asked: str, further: bool, path: str, problem: str) -> None:
    tree = guest_tree(INIT)
    line = parse_command_line(f"ro init={asked}")
    init = find_init(tree, Programs(tree), line, looks_further=further)
    assert (init.path, init.problem) == (path, problem)


SYSTEMD = "/usr/lib/systemd/systemd"
RUN: dict[str, Content | None] = {"/usr/lib/systemd/system-generators/systemd-run-generator": CODE}


@pytest.mark.parametrize(
    ("script", "program"),
    [
        (f"#!/bin/sh\nmount -t proc proc /proc\nexec {SYSTEMD} \"$@\"\n", SYSTEMD),
        (f"#!/bin/sh\nexec 2>/dev/null\nif true; then exec -a init {SYSTEMD}; fi\n", SYSTEMD),
        ("#!/bin/sh\n# exec /bin/true\nexec /sbin/real-init\n", SYSTEMD),
        ("#!/bin/execlineb -S0\n/usr/bin/s6-linux-init -c /etc/s6/current -p /bin --\n", "/usr/bin/s6-linux-init"),
    ],
)  # fmt: skip
def test_an_init_that_is_a_script_is_what_it_becomes(script: str, program: str) -> None:
    others = {"/usr/bin/s6-linux-init": CODE, "/bin/execlineb": CODE, "/sbin/real-init": Link(SYSTEMD)}
    tree = guest_tree({**INIT, **others, "/sbin/init": File(script.encode(), 0o755)})
    init = find_init(tree, Programs(tree), parse_command_line("ro"))
    assert (init.program, init.problem) == (program, "")


@pytest.mark.parametrize(
    "script",
    [
        "#!/bin/sh\nwhile :; do sleep 1; done\n",
        '#!/bin/sh\nexec "$real"\n',
        "#!/bin/sh\ncase $1 in a) exec /bin/a;; esac\nexec /bin/b\nexec /bin/c\n",
        "#!/bin/sh\nexec /sbin/init\n",
    ],
)
def test_an_init_that_is_a_script_nobody_can_follow_is_unknown_everywhere(script: str) -> None:
    tree = guest_tree({**INIT, "/sbin/init": File(script.encode(), 0o755)})
    with pytest.raises(GuestReadError, match="init is the script /sbin/init"):
        find_init(tree, Programs(tree), parse_command_line("ro"))
    services = BootServices(tree, parse_command_line("ro"))
    agent = read_agent(services, known(()))
    cloud = read_cloud_init(services, cloud_config_fact(tree))
    assert {type(agent.enabled), type(cloud.enabled)} == {Unknown}
    assert agent.enabled == cloud.enabled


@pytest.mark.parametrize("path", ["/bin/true", "/usr/lib/systemd/systemd-shutdown", "/usr/bin/python3"])
def test_a_program_that_is_no_init_is_not_taken_for_one(path: str) -> None:
    tree = guest_tree({**INIT, path: CODE})
    with pytest.raises(GuestReadError, match=f"{path} is started as init"):
        find_init(tree, Programs(tree), parse_command_line(f"ro init={path}"))


@pytest.mark.parametrize(
    "path",
    [
        "/sbin/openrc-init",
        "/sbin/runit-init",
        "/usr/bin/dinit",
        "/sbin/finit",
        "/usr/bin/s6-svscan",
        "/bin/init.sysvinit",
    ],
)
def test_a_program_that_is_made_to_be_the_first_one(path: str) -> None:
    tree = guest_tree({**INIT, path: CODE})
    assert find_init(tree, Programs(tree), parse_command_line(f"ro init={path}")).program == path


@pytest.mark.parametrize(
    ("line", "init"),
    [
        ("ro", "systemd"),
        ("init=/usr/bin/openrc-init", "openrc"),
        ("init=/sbin/nothing", "systemd"),
        ("init=/bin/sh", "systemd"),
    ],
)
def test_the_init_of_the_command_line_is_the_one_whose_services_start(line: str, init: str) -> None:
    tree = guest_tree({**INIT, "/usr/bin/openrc-init": CODE})
    assert init_system(tree, parse_command_line(line)) == init


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({}, "ro"),
        ({}, "ro 3"),
        ({}, "mem=nopentium"),
        ({}, "systemd.confirm_spawn systemd.confirm_spawn=no"),
        ({}, "mem=0 mem=2048M mem=4G"),
        ({}, "systemd.run=/bin/true"),
        (RUN, "systemd.run=/bin/true systemd.unit=multi-user.target"),
        ({}, "ro init=/usr/lib/systemd/systemd"),
        ({}, "ro init=/lib/systemd/systemd systemd.unit=multi-user.target"),
        ({f"{ETC}/default.target": Link("/lib/systemd/system/multi-user.target")}, "ro"),
        ({f"{ETC}/default.target": "[Unit]\nRequires=multi-user.target\n"}, "ro"),
        ({f"{LIB}/cloud.target": "[Unit]\nRequires=basic.target\n", f"{ETC}/default.target": Link("cloud.target")}, "ro"),
        ({"/sbin/init": CODE, "/etc/inittab": "id:3:initdefault:\n"}, "ro"),
        ({"/sbin/init": Link("/bin/busybox"), "/bin/busybox": CODE}, "ro"),
    ],
)  # fmt: skip
def test_comes_up(changed: dict[str, Content | None], line: str) -> None:
    changed = {**changed, "/lib/systemd/systemd": CODE, "/lib/systemd/system/multi-user.target": None}
    assert startup(changed, line) == []


@pytest.mark.parametrize(
    ("changed", "line", "message"),
    [
        ({}, "systemd.unit=rescue.target", "rescue mode"),
        ({}, "single", "rescue mode"),
        ({}, "mem=1G mem=64M", "mem= leaves 64"),
        ({}, "mem=0x2000K", "mem= leaves 8"),
        (RUN, "systemd.run=/bin/true", "one command"),
        ({}, "systemd.confirm_spawn", "asks before"),
        ({}, "systemd.confirm-spawn=/dev/ttyS0", "asks before"),
        (RUN, "systemd.run=/bin/true systemd.run_success_action=none", "one command"),
        ({}, "1", "rescue mode"),
        ({}, "S", "rescue mode"),
        ({}, "emergency", "emergency mode"),
        ({}, "-b", "emergency mode"),
        ({}, "systemd.unit=emergency.target", "emergency mode"),
        ({}, "systemd.unit=poweroff.target", "cannot be loaded"),
        ({f"{LIB}/poweroff.target": "[Unit]\n"}, "systemd.unit=poweroff.target", "power off"),
        ({f"{LIB}/runlevel6.target": Link("reboot.target"), f"{LIB}/reboot.target": "[Unit]\n", f"{ETC}/default.target": Link(f"{LIB}/runlevel6.target")}, "ro", "a reboot"),
        ({f"{ETC}/default.target": Link(f"{LIB}/nosuch.target")}, "ro", "rescue mode"),
        ({f"{ETC}/default.target": Link("/dev/null")}, "ro", "rescue mode"),
        ({f"{ETC}/default.target": ""}, "ro", "rescue mode"),
        ({f"{LIB}/default.target": None}, "ro", "rescue mode"),
        ({f"{ETC}/default.target": Link(f"{LIB}/rescue.target")}, "ro", "rescue mode"),
        ({}, "systemd.mask=graphical.target", "rescue mode"),
        ({f"{ETC}/sysinit.target": Link("/dev/null")}, "ro", "cannot start its default target"),
        ({f"{LIB}/x.target": "[Unit]\n", f"{ETC}/default.target": Link(f"{LIB}/x.target")}, "ro", "little starts"),
        ({"/sbin/init": None, "/bin/sh": None}, "ro", "there is no init"),
        ({"/sbin/init": None}, "ro", "a shell"),
        ({}, "init=/bin/sh", "a shell"),
        ({"/bin/bash": CODE}, "init=/bin/bash", "a shell"),
        ({}, "init=/sbin/nothing", "is not there"),
        ({"/usr/lib/systemd/systemd": File(CODE.content, 0o644)}, "ro", "is not executable"),
        ({"/usr/lib/systemd/systemd": ""}, "ro", "has no bytes"),
        ({"/sbin/init": File(b"#!/bin/sh\nexec /sbin/gone\n", 0o755)}, "ro", "/sbin/gone is not there"),
        ({"/sbin/init": File(b"#!/bin/gone\nexec /bin/sh\n", 0o755)}, "ro", "/bin/gone is not there"),
        ({"/usr/lib/systemd/systemd": None}, "ro", "there is no init"),
        ({"/sbin/init": CODE, "/etc/inittab": "id:1:initdefault:\n"}, "ro", "single-user"),
        ({"/sbin/init": CODE, "/etc/inittab": "id:3:initdefault:\n"}, "single", "single-user"),
        ({"/sbin/init": CODE, "/etc/inittab": "# x\nid:6:initdefault:\n"}, "ro", "reboot"),
    ],
)  # fmt: skip
def test_stops(changed: dict[str, Content | None], line: str, message: str) -> None:
    if message == "there is no init":
        changed = {**changed, "/bin/sh": None}
    (said,) = startup(changed, line)
    assert said.startswith("stops: ")
    assert message in said


@pytest.mark.parametrize(
    ("target", "unit", "service", "says"),
    [
        ("sysinit", "DefaultDependencies=no\nBefore=sysinit.target\n", "", ["stops: the boot does not get"]),
        ("sysinit", "", "", []),
        ("sysinit", "DefaultDependencies=no\n", "", []),
        ("multi-user", "", "", ["waits: the default target is never reached"]),
        ("multi-user", "", "TimeoutStartSec=30\n", []),
        ("multi-user", "ConditionPathExists=/missing\n", "", []),
    ],
)
def test_a_service_that_never_ends(target: str, unit: str, service: str, says: list[str]) -> None:
    text = f"[Unit]\n{unit}[Service]\nType=oneshot\nExecStart=/bin/sleep infinity\n{service}"
    wants = {f"{ETC}/{target}.target.wants/own.service": Link("../own.service")}
    found = startup({f"{ETC}/own.service": text, **wants})
    assert [one[: len(start)] for one, start in zip(found, says, strict=True)] == says


LABEL = {"security.selinux": b"system_u:object_r:bin_t:s0\0"}
ENFORCING: dict[str, Content] = {
    "/etc/selinux/config": "# SELINUX=disabled\nSELINUX=enforcing\nSELINUXTYPE=targeted\n"
}
POLICY: dict[str, Content] = {"/etc/selinux/targeted/policy/policy.33": "x"}


def selinux(files: dict[str, Content], line: str = "ro") -> list[str]:
    tree = guest_tree({"/etc/passwd": File("root", xattrs=LABEL), **files})
    return [one.effect for one in read_selinux_troubles(tree, parse_command_line(line), "6.1").value]


@pytest.mark.parametrize(
    ("files", "line", "effects"),
    [
        ({}, "ro", []),
        ({**ENFORCING, **POLICY}, "ro", ["stops"]),
        ({**ENFORCING, **POLICY}, "selinux=0", []),
        ({**ENFORCING, **POLICY}, "enforcing=0", []),
        ({**ENFORCING, **POLICY}, "security=apparmor", []),
        ({**ENFORCING, **POLICY, "/.autorelabel": ""}, "ro", ["waits"]),
        ({**ENFORCING, **POLICY}, "autorelabel=1", ["waits"]),
        (ENFORCING, "ro", ["stops"]),
        ({"/etc/selinux/config": "SELINUX=permissive\n", **POLICY}, "ro", []),
        ({"/etc/selinux/config": "SELINUX=permissive\n", **POLICY}, "enforcing=1", ["stops"]),
        ({"/etc/selinux/config": "SELINUX=disabled\n", **POLICY}, "ro", []),
        ({**ENFORCING, **POLICY, "/boot/config-6.1": 'CONFIG_LSM="lockdown,yama,apparmor,selinux,bpf"\n'}, "ro", []),
        ({**ENFORCING, **POLICY, "/boot/config-6.1": 'CONFIG_LSM="lockdown,yama,apparmor,selinux"\n'}, "security=selinux", ["stops"]),
        ({**ENFORCING, **POLICY, "/boot/config-6.1": 'CONFIG_LSM="lockdown,selinux,apparmor"\n'}, "ro", ["stops"]),
        ({**ENFORCING, **POLICY, "/boot/config-6.1": "# CONFIG_SECURITY_SELINUX is not set\n"}, "ro", []),
    ],
)  # fmt: skip
def test_selinux(files: dict[str, Content], line: str, effects: list[str]) -> None:
    assert selinux(files, line) == effects


def test_files_with_labels_are_fine_and_one_without_is_named() -> None:
    tree = guest_tree({**ENFORCING, **POLICY, "/etc/passwd": File("x", xattrs=LABEL)})
    for path in ("/", "/etc"):
        tree._find(path).xattrs = LABEL  # type: ignore[union-attr]  # found, or the test fails
    line = parse_command_line("ro")
    assert read_selinux_troubles(tree, line, None).value == ()
    tree._find("/etc/passwd").xattrs = {"security.selinux": b"system_u:object_r:unlabeled_t:s0\0"}  # type: ignore[union-attr]  # found, or the test fails
    (trouble,) = read_selinux_troubles(tree, line, None).value
    assert "/etc/passwd" in trouble.message
    assert "/etc," not in trouble.message


@pytest.mark.parametrize(
    ("files", "shared"),
    [
        ({}, ()),
        ({"/etc/iscsi/initiatorname.iscsi": "InitiatorName=iqn.1994-05.com.redhat:1a2b\n"}, ("/etc/iscsi/initiatorname.iscsi",)),
        ({"/etc/iscsi/initiatorname.iscsi": "GenerateName=yes\n"}, ()),
        ({"/etc/iscsi/initiatorname.iscsi": "# InitiatorName=iqn.x\nInitiatorName=\n"}, ()),
        ({"/etc/nvme/hostnqn": "nqn.2014-08.org.nvmexpress:uuid:x\n", "/etc/nvme/hostid": "\n"}, ("/etc/nvme/hostnqn",)),
        ({"/var/lib/dhcpcd/duid": "00:01\n"}, ("/var/lib/dhcpcd/duid",)),
        ({"/var/lib/wicked/duid.xml": "<duid/>\n"}, ("/var/lib/wicked/duid.xml",)),
        ({"/var/lib/NetworkManager/secret_key": b"nm-v2\0x"}, ("/var/lib/NetworkManager/secret_key",)),
        ({"/var/lib/systemd/credential.secret": b"x"}, ("/var/lib/systemd/credential.secret",)),
        ({"/var/lib/systemd/random-seed": b"x"}, ("/var/lib/systemd/random-seed",)),
        ({"/etc/hostid": b"1234"}, ()),
        ({"/etc/hostid": b"1234", "/usr/sbin/zpool": "x"}, ("/etc/hostid",)),
    ],
)  # fmt: skip
def test_names_that_instances_share(files: dict[str, Content], shared: tuple[str, ...]) -> None:
    assert read_shared_identity(guest_tree(files)).value == shared
