"""qemu-guest-agent starts, by the way that this distribution starts it.

What it checks
    Debian, Ubuntu: the udev rule 60-qemu-guest-agent.rules starts the static unit when the channel appears.
    RHEL, Fedora:   a link in dev-virtio\\x2dports-org.qemu.guest_agent.0.device.wants, or a 99- udev rule.
    SUSE:           the same, or a rule that starts an instance of the template qemu-ga@.service.
    Alpine:         /etc/runlevels/default/qemu-guest-agent.
    Windows:        the service QEMU-GA starts automatically (Start=2).
    A unit masked in /etc/systemd/system never starts, whatever else is there.

Why it matters
    An installed agent that does not run is worse than none: with hw_qemu_guest_agent=yes Nova waits for its
    answer, and a quiesced snapshot fails. "No link, so disabled" is a false alarm on Debian.

How to fix
    systemctl unmask qemu-guest-agent
    systemctl enable qemu-guest-agent       (RHEL, Fedora, SUSE)
    systemctl add-wants multi-user.target qemu-guest-agent.service  (where enable finds no [Install])
    rc-update add qemu-guest-agent default  (Alpine)
    sc config QEMU-GA start= auto           (Windows)
"""

import posixpath
import shlex

from imgtool.checks.check import Check, System, Verdict, is_false, on_agent, require, skipped
from imgtool.model.facts import Known
from imgtool.model.judgement import Severity
from imgtool.model.services import AgentFacts

WITHOUT_SYSTEMD = "no systemd unit"
"""How the evidence begins where OpenRC, or System V's init, starts services."""
RC_UPDATE = "`rc-update add qemu-guest-agent default`, in the guest or by virt-customize"
ADD_WANTS = (
    "`systemctl add-wants multi-user.target qemu-guest-agent.service`, in the guest or by virt-customize; it "
    "serves a unit without [Install] too, which `systemctl enable` does not"
)


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
    obstacle = agent.enabled_by.value if isinstance(agent.enabled_by, Known) else None
    if obstacle is None:
        return RC_UPDATE if WITHOUT_SYSTEMD in _evidence(agent) else ADD_WANTS
    if obstacle.startswith(("/etc/runlevels/", "/etc/rc")):
        return RC_UPDATE
    if obstacle.startswith("/etc/udev/"):
        return f"`rm {shlex.quote(obstacle)}`, in the guest or by virt-customize"
    return (
        f"`systemctl unmask {shlex.quote(posixpath.basename(obstacle))}`, in the guest or by virt-customize"
    )


def _evidence(agent: AgentFacts) -> str:
    return agent.enabled.evidence if isinstance(agent.enabled, Known) else ""


CHECK = Check("guest-agent-enabled", Severity.ERROR, on_agent(judge))
