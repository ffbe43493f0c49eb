"""qemu-guest-agent starts, by the way that this distribution starts it.

What it checks
    Debian, Ubuntu: the udev rule 60-qemu-guest-agent.rules starts the static unit when the channel appears.
    RHEL, Fedora:   a link in dev-virtio\\x2dports-org.qemu.guest_agent.0.device.wants, or a 99- udev rule.
    Alpine:         /etc/runlevels/default/qemu-guest-agent.
    Windows:        the service QEMU-GA starts automatically (Start=2).
    A unit masked in /etc/systemd/system never starts, whatever else is there.

Why it matters
    An installed agent that does not run is worse than none: with hw_qemu_guest_agent=yes Nova waits for its
    answer, and a quiesced snapshot fails. "No link, so disabled" is a false alarm on Debian.

How to fix
    systemctl unmask qemu-guest-agent
    systemctl enable qemu-guest-agent       (RHEL, Fedora, SUSE)
    rc-update add qemu-guest-agent default  (Alpine)
    sc config QEMU-GA start= auto           (Windows)
"""

from imgtool.checks.check import Check, System, Verdict, is_false, on_agent, require, skipped
from imgtool.model import AgentFacts, Known, Severity


def judge(agent: AgentFacts, system: System) -> Verdict:
    """Something starts it and nothing prevents it."""
    if is_false(agent.installed):
        return skipped("qemu-guest-agent is not installed (guest-agent-installed judges that)")
    return require(
        agent.enabled,
        good="qemu-guest-agent is enabled",
        bad="qemu-guest-agent will not start",
        remedy=_remedy(agent, system),
    )


def _remedy(agent: AgentFacts, system: System) -> str:
    if system == "windows":
        return "in the guest: `sc config QEMU-GA start= auto`"
    blocked = isinstance(agent.enabled_by, Known) and agent.enabled_by.value is not None
    return (
        f"`systemctl {'unmask' if blocked else 'enable'} qemu-guest-agent`, in the guest or by virt-customize"
    )


CHECK = Check("guest-agent-enabled", Severity.ERROR, on_agent(judge))
