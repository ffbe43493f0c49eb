"""qemu-guest-agent is installed.

What it checks
    The agent's program (qemu-ga) is on the disk. What the package database says of it (dpkg, RPM, apk,
    pacman) stands in the evidence and does not decide: a program that was put there by hand runs, and one
    that was removed does not, though its package is still recorded.

Why it matters
    Nova asks the agent to freeze the file systems for a consistent snapshot and to set passwords. Without
    it snapshots are only crash-consistent, and `openstack server set --root-password` fails.

How to fix
    Debian, Ubuntu, Alpine:    apt install qemu-guest-agent   /   apk add qemu-guest-agent
    RHEL, Fedora, SUSE:        dnf install qemu-guest-agent   /   zypper install qemu-guest-agent
    Windows:                   msiexec /i D:\\guest-agent\\qemu-ga-x86_64.msi /qn (virtio-win ISO)
    In an image file:          virt-customize -a IMAGE --install qemu-guest-agent
"""

from imgtool.checks.check import Check, System, Verdict, on_agent, require
from imgtool.model.services import AgentFacts
from imgtool.model.verdict import Severity

REMEDIES = {
    "linux": "install it: `virt-customize -a IMAGE --install qemu-guest-agent`",
    "windows": r"in the guest: `msiexec /i D:\guest-agent\qemu-ga-x86_64.msi /qn` from the virtio-win ISO",
}


def judge(agent: AgentFacts, system: System) -> Verdict:
    """The program is there."""
    return require(
        agent.installed,
        good="qemu-guest-agent is installed",
        bad="qemu-guest-agent is not installed",
        remedy=REMEDIES[system],
    )


CHECK = Check("guest-agent-installed", Severity.ERROR, on_agent(judge))
