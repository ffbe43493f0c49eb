"""qemu-guest-agent has its channel to the host.

What it checks
    The kernel that will boot has virtio_console, the driver of the port org.qemu.guest_agent.0.

Why it matters
    The agent listens on a virtio serial port. Without the driver the port never appears, the unit that
    waits for it never starts, and the host never hears an answer.

How to fix
    Install a kernel with virtio_console (Debian: linux-image-amd64; RHEL: kernel-modules), and remove a
    `blacklist virtio_console` from /etc/modprobe.d.
"""

from imgtool.checks.check import Check, Verdict, on_linux, require
from imgtool.model import LinuxFacts, Severity


def judge(linux: LinuxFacts) -> Verdict:
    """The driver is there."""
    return require(
        linux.agent.channel,
        good="the agent's channel has its driver",
        bad="the agent's channel has no driver: virtio_console is missing",
        remedy="install a kernel that has it: `apt install linux-image-amd64`, `dnf install kernel-modules`",
    )


CHECK = Check("guest-agent-channel", Severity.ERROR, on_linux(judge))
