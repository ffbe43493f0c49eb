import pytest
from support import facts
from support.facts import known

from imgtool.checks.rules.guest_agent_enabled import judge

RULE = "/etc/udev/rules.d/60-qemu-guest-agent.rules"


@pytest.mark.parametrize(
    ("by", "evidence", "remedy"),
    [
        ("/etc/systemd/system/qemu-ga@.service", "masked", "systemctl unmask qemu-ga@.service"),
        (
            "/etc/udev/rules.d/60-qemu-guest-agent.rules",
            "x",
            "rm /etc/udev/rules.d/60-qemu-guest-agent.rules",
        ),
        ("/etc/runlevels/default/qemu-guest-agent", "leads nowhere", "rc-update add"),
        (None, "no systemd unit of it, and no runlevel starts it", "rc-update add"),
        (None, "no udev rule and no wants link starts it", "systemctl add-wants multi-user.target"),
    ],
)
def test_the_remedy_is_that_of_the_guest_s_own_init(by, evidence, remedy):
    agent = facts.agent(enabled=known(False, evidence), enabled_by=known(by, evidence))
    assert remedy in judge(agent, "linux").remedy


def test_a_path_of_the_guest_s_choice_is_quoted():
    path = "/etc/udev/rules.d/60-qemu; reboot.rules"
    agent = facts.agent(enabled=known(False), enabled_by=known(path))
    assert f"rm '{path}'" in judge(agent, "linux").remedy
