"""qemu-guest-agent has its channel to the host.

What it checks
    The kernel that will boot has virtio_console, the driver of the port org.qemu.guest_agent.0. Windows has
    the driver VirtioSerial (vioser.sys), and it is not disabled.

Why it matters
    The agent listens on a virtio serial port. Without the driver the port never appears, the unit that
    waits for it never starts, and the host never hears an answer.

How to fix
    Install a kernel with virtio_console (Debian: linux-image-amd64; RHEL: kernel-modules), and remove a
    `blacklist virtio_console` from /etc/modprobe.d.
    Windows: msiexec /i virtio-win-gt-x64.msi /qn, from the virtio-win ISO.
"""

from imgtool.checks.check import Check, System, Verdict, on_agent, require
from imgtool.model.judgement import Severity
from imgtool.model.services import AgentFacts

DRIVERS = {"linux": "virtio_console", "windows": "VirtioSerial"}
REMEDIES = {
    "linux": "install a kernel that has it: `apt install linux-image-amd64`, `dnf install kernel-modules`",
    "windows": r"in the guest: `msiexec /i D:\virtio-win-gt-x64.msi /qn` from the virtio-win ISO",
}


def judge(agent: AgentFacts, system: System) -> Verdict:
    """The driver is there."""
    return require(
        agent.channel,
        good="the agent's channel has its driver",
        bad=f"the agent's channel has no driver: {DRIVERS[system]} is missing",
        remedy=REMEDIES[system],
    )


CHECK = Check("guest-agent-channel", Severity.ERROR, on_agent(judge))
