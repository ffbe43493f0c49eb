"""qemu-guest-agent starts, by the way that this distribution starts it.

What it checks
    Debian, Ubuntu: the udev rule 60-qemu-guest-agent.rules starts the static unit when the channel appears.
    RHEL, Fedora:   a link in dev-virtio\\x2dports-org.qemu.guest_agent.0.device.wants, or a 99- udev rule.
    Alpine:         /etc/runlevels/default/qemu-guest-agent.
    A unit masked in /etc/systemd/system never starts, whatever else is there.

Why it matters
    An installed agent that does not run is worse than none: with hw_qemu_guest_agent=yes Nova waits for its
    answer, and a quiesced snapshot fails. "No link, so disabled" is a false alarm on Debian.

How to fix
    systemctl unmask qemu-guest-agent
    systemctl enable qemu-guest-agent       (RHEL, Fedora, SUSE)
    rc-update add qemu-guest-agent default  (Alpine)
"""

from imgtool.checks.check import Check, Verdict, is_false, on_linux, require, skipped
from imgtool.model import AgentFacts, Known, LinuxFacts, Severity


def judge(linux: LinuxFacts) -> Verdict:
    """Something starts it and nothing prevents it."""
    agent = linux.agent
    if is_false(agent.installed):
        return skipped("qemu-guest-agent is not installed (guest-agent-installed judges that)")
    return require(
        agent.enabled,
        good="qemu-guest-agent is enabled",
        bad="qemu-guest-agent will not start",
        remedy=_remedy(agent),
    )


def _remedy(agent: AgentFacts) -> str:
    blocked = isinstance(agent.enabled_by, Known) and agent.enabled_by.value is not None
    return (
        f"`systemctl {'unmask' if blocked else 'enable'} qemu-guest-agent`, in the guest or by virt-customize"
    )


CHECK = Check("guest-agent-enabled", Severity.ERROR, on_linux(judge))
