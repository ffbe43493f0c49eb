"""What else of the boot stops the agent, once systemd has started it."""

from collections.abc import Mapping

import pytest
from support.guest_tree import Content, File, Link, guest_tree
from support.units import SYSTEM

from imgtool.guest.agent import read_agent
from imgtool.guest.boot_services import BootServices
from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.model.facts import Known

UNITS, WANTS = "/usr/lib/systemd/system", "/etc/systemd/system/multi-user.target.wants"
GUEST: dict[str, Content] = {
    **SYSTEM,
    "/usr/sbin/qemu-ga": "\x7fELF",
    f"{UNITS}/qemu-guest-agent.service": "[Service]\nExecStart=/usr/sbin/qemu-ga\n"
    "ExecStartPre=-/usr/bin/systemctl stop qemu-guest-agent\n",
    f"{WANTS}/qemu-guest-agent.service": Link(f"{UNITS}/qemu-guest-agent.service"),
    f"{WANTS}/own.service": Link(f"{UNITS}/own.service"),
}


def enabled(files: Mapping[str, Content]) -> Known[bool]:
    boot = BootServices(guest_tree({**GUEST, **files}), parse_command_line(""))
    found = read_agent(boot, Known((), "")).enabled
    assert isinstance(found, Known)
    return found


@pytest.mark.parametrize(
    ("command", "runs"),
    [
        ("/usr/bin/systemctl stop qemu-guest-agent.service", False),
        ("/usr/bin/systemctl --no-block stop ssh qemu-guest-agent", False),
        ("systemctl disable --now qemu-guest-agent", False),
        ("systemctl disable qemu-guest-agent", True),
        ("systemctl stop ssh", True),
        ("systemctl status qemu-guest-agent", True),
        ("/bin/sh -c 'sleep 5; systemctl stop qemu-guest-agent'", False),
        ("/bin/sh -c 'systemctl stop qemu-guest-agent; systemctl start qemu-guest-agent'", True),
        ("/bin/sh -c 'test -f /x && systemctl stop qemu-guest-agent'", True),
        ("/usr/bin/pkill qemu-ga", False),
        ("/usr/bin/killall -q qemu-ga", False),
        ("/usr/bin/pkill other", True),
    ],
)
def test_another_service(command: str, *, runs: bool) -> None:
    found = enabled({f"{UNITS}/own.service": f"[Service]\nType=oneshot\nExecStart={command}\n"})
    assert (found.value, "own.service: " in found.evidence) == (runs, not runs)


def test_one_that_does_not_run() -> None:
    text = "[Unit]\nConditionPathExists=/missing\n[Service]\nExecStart=/usr/bin/pkill qemu-ga\n"
    assert enabled({f"{UNITS}/own.service": text}).value is True


def test_one_of_which_only_the_running_guest_knows() -> None:
    """As systemd-ask-password-wall.service, which a path starts."""
    wanted = {path: content for path, content in GUEST.items() if path != f"{WANTS}/own.service"}
    tree: dict[str, Content] = {
        **wanted,
        f"{UNITS}/own.service": "[Service]\nExecStart=/usr/bin/systemctl stop qemu-guest-agent\n",
        f"{UNITS}/own.path": "[Path]\nPathExists=/run/x\n",
        f"{WANTS}/own.path": Link(f"{UNITS}/own.path"),
    }
    boot = BootServices(guest_tree(tree), parse_command_line(""))
    found = read_agent(boot, Known((), "")).enabled
    assert isinstance(found, Known)
    assert found.value is True


@pytest.mark.parametrize(
    ("script", "runs"),
    [
        ("#!/bin/sh\nsystemctl stop qemu-guest-agent\nexit_code=0\n", False),
        ("#!/bin/sh\nif [ -f /x ]; then systemctl stop qemu-guest-agent; fi\n", True),
        ("#!/bin/sh\n", True),
    ],
)
def test_rc_local(script: str, *, runs: bool) -> None:
    files: dict[str, Content] = {
        f"{UNITS}/rc-local.service": "[Service]\nExecStart=/etc/rc.local start\n",
        "/etc/rc.local": File(script, 0o755),
    }
    assert enabled(files).value is runs
