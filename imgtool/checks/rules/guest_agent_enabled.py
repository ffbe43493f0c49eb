"""qemu-guest-agent starts, by the way that this distribution starts it.

What it checks
    Debian, Ubuntu: the udev rule 60-qemu-guest-agent.rules starts the static unit when the channel appears.
    RHEL, Fedora:   a link in dev-virtio\\x2dports-org.qemu.guest_agent.0.device.wants, or a 99- udev rule.
    SUSE:           the same, or a rule that starts an instance of the template qemu-ga@.service.
    Alpine:         /etc/runlevels/default/qemu-guest-agent.
    Windows:        the service QEMU-GA starts automatically (Start=2).
    Other inits:    OpenRC's runlevels, rcN.d and inittab, the service directories of runit, s6 and dinit.
    The unit is followed to the end: masks (systemd.mask= too), the device that it is bound to, drop-ins, the
    variables of its files, a shell that it goes through; what it starts has to be qemu-ga, executable, whole
    with its libraries, with options and a configuration that it does not end at. So are the unit's settings
    (users, paths, files, limits that are not there or too small; a port or a directory that it may not use),
    and what the unit requires and waits for.

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

from imgtool.checks.check import Check, System, Verdict, is_false, on_agent, require, skipped
from imgtool.model.facts import Known
from imgtool.model.services import AgentFacts
from imgtool.model.verdict import Severity
from imgtool.util.text import shell_operands

WITHOUT_SYSTEMD = "no systemd unit"
"""How the evidence begins where OpenRC, or System V's init, starts services."""
NOTHING_WANTS = "no udev rule and no wants link"
CORRECT_IT = (
    "correct what is named there; `virt-customize -a IMAGE --install qemu-guest-agent` brings the agent back"
)
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
    said = _evidence(agent)
    if WITHOUT_SYSTEMD in said or (obstacle or "").startswith(("/etc/runlevels/", "/etc/rc")):
        return RC_UPDATE
    if obstacle is None:
        return ADD_WANTS if NOTHING_WANTS in said else CORRECT_IT
    if obstacle.startswith("/etc/udev/"):
        return _in_the_guest("rm", obstacle, "remove that file")
    mask = "mask" in said
    return (
        _in_the_guest("systemctl unmask", posixpath.basename(obstacle), "unmask that unit")
        if mask
        else CORRECT_IT
    )


def _in_the_guest(command: str, name: str, otherwise: str) -> str:
    words = shell_operands([name])
    how = otherwise if words is None else f"`{command} {words}`"
    return f"{how}, in the guest or by virt-customize"


def _evidence(agent: AgentFacts) -> str:
    return agent.enabled.evidence if isinstance(agent.enabled, Known) else ""


CHECK = Check("guest-agent-enabled", Severity.ERROR, on_agent(judge))
