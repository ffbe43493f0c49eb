"""qemu-guest-agent is installed.

What it checks
    The agent's program (qemu-ga) is on the disk.

Why it matters
    Nova asks the agent to freeze the file systems for a consistent snapshot and to set passwords. Without
    it snapshots are only crash-consistent, and `openstack server set --root-password` fails.

How to fix
    Debian, Ubuntu, Alpine:    apt install qemu-guest-agent   /   apk add qemu-guest-agent
    RHEL, Fedora, SUSE:        dnf install qemu-guest-agent   /   zypper install qemu-guest-agent
    In an image file:          virt-customize -a IMAGE --install qemu-guest-agent
"""

from imgtool.checks.check import Check, Verdict, on_linux, require
from imgtool.model import LinuxFacts, Severity


def judge(linux: LinuxFacts) -> Verdict:
    """The program is there."""
    return require(
        linux.agent.installed,
        good="qemu-guest-agent is installed",
        bad="qemu-guest-agent is not installed",
        remedy="install it: `virt-customize -a IMAGE --install qemu-guest-agent`",
    )


CHECK = Check("guest-agent-installed", Severity.ERROR, on_linux(judge))
