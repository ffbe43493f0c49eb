"""Changes of udev's rules for the agent's port, and whether udev still has systemd start the agent."""

from collections.abc import Mapping

import pytest
from support.guest_tree import Content, Link, guest_tree
from support.units import SYSTEM

from imgtool.guest.agent import read_agent
from imgtool.guest.boot_services import BootServices
from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.model.facts import Known

DEVICE = r"dev-virtio\x2dports-org.qemu.guest_agent.0.device"
RULES = "/usr/lib/udev/rules.d/60-qemu-guest-agent.rules"
LATER = "/etc/udev/rules.d/99-x.rules"
PORT = 'SUBSYSTEM=="virtio-ports", ATTR{name}=="org.qemu.guest_agent.0", '
RULE = f'{PORT}TAG+="systemd", ENV{{SYSTEMD_WANTS}}="qemu-guest-agent.service"\n'
GUEST: dict[str, Content] = {
    **SYSTEM,
    "/usr/sbin/qemu-ga": "\x7fELF",
    "/bin/true": "\x7fELF",
    "/bin/false": "\x7fELF",
    "/usr/lib/systemd/system/qemu-guest-agent.service": f"[Unit]\nBindsTo={DEVICE}\nAfter={DEVICE}\n"
    "[Service]\nExecStart=-/usr/sbin/qemu-ga\n",
    "/usr/lib/udev/rules.d/50-udev-default.rules": 'SUBSYSTEM=="virtio-ports", KERNEL=="vport*", '
    'ATTR{name}=="?*", SYMLINK+="virtio-ports/$attr{name}"\n',
    "/usr/lib/udev/rules.d/99-systemd.rules": 'KERNEL=="vport*", TAG+="systemd"\n',
}


def starts(files: Mapping[str, Content]) -> bool:
    boot = BootServices(guest_tree({**GUEST, RULES: RULE, **files}), parse_command_line(""))
    enabled = read_agent(boot, Known((), "")).enabled
    assert isinstance(enabled, Known)
    return enabled.value


@pytest.mark.parametrize(
    ("rule", "runs"),
    [
        (f'ACTION=="add|change", {RULE}', True),
        (f'ACTION=="remove", {RULE}', False),
        (RULE.replace("agent.0", "agent.[0-9]"), True),
        (RULE.replace("agent.0", "agent.1"), False),
        (RULE.replace("agent.0", "agent.0 "), False),
        (RULE.replace("SUBSYSTEM", "subsystem"), False),
        (RULE.replace("SUBSYSTEM==", "SUBSYSTEM="), False),
        (RULE.replace('agent.0"', "agent.0"), False),
        (f'OWNER=="root", {RULE}', False),
        (f'FOO=="bar", {RULE}', False),
        (f'CONST{{virt}}=="kvm", {RULE}', True),
        (f'CONST{{virt}}=="vmware", {RULE}', False),
        (f'TEST=="/usr/sbin/qemu-ga", {RULE}', True),
        (f'TEST=="/missing", {RULE}', False),
        (f'TEST!="/usr/sbin/qemu-ga", {RULE}', False),
        (f'TEST=="/run/made", {RULE}', True),
        (f'PROGRAM=="/bin/true", {RULE}', True),
        (f'PROGRAM="/bin/false", {RULE}', False),
        (f'PROGRAM!="/bin/false", {RULE}', True),
        (f'PROGRAM=="/bin/missing", {RULE}', False),
        (f'GOTO="end"\n{RULE}LABEL="end"\n', False),
        (f'KERNEL!="vport*", GOTO="end"\n{RULE}LABEL="end"\n', True),
        (RULE.replace("agent.service", "agent"), True),
        (f'{PORT}RUN+="/usr/bin/systemctl start --no-block qemu-guest-agent"\n', True),
        (f'{PORT}RUN+="/usr/bin/systemctl stop qemu-guest-agent"\n', False),
    ],
)
def test_the_rule(rule: str, *, runs: bool) -> None:
    assert starts({RULES: rule}) == runs


@pytest.mark.parametrize(
    ("later", "runs"),
    [
        ('ENV{SYSTEMD_WANTS}+="other.service"', True),
        ('ENV{SYSTEMD_WANTS}="other.service"', False),
        ('ENV{SYSTEMD_WANTS}=""', False),
        ('ENV{SYSTEMD_READY}="0"', False),
        ('TAG-="systemd"', False),
        ('TAG="other"', False),
        ('SYMLINK="other"', False),
        ('MODE="0000"', True),
    ],
)
def test_a_rule_behind_it(later: str, *, runs: bool) -> None:
    assert starts({LATER: f"{PORT}{later}\n"}) == runs


def test_a_link_that_leads_nowhere() -> None:
    assert not starts({RULES: Link("/opt/x.rules")})
