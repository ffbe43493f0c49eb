"""qemu-guest-agent has its channel to the host.

What it checks
    The kernel that will boot has virtio_console, the driver of the port org.qemu.guest_agent.0. Windows has
    the driver VirtioSerial (vioser.sys), and it is not disabled. The agent that starts listens on that port:
    neither an option (`-m isa-serial`, `-p`) nor /etc/qemu/qemu-ga.conf sends it to another one.

Why it matters
    The agent listens on a virtio serial port. Without the driver the port never appears, the unit that
    waits for it never starts, and the host never hears an answer.

How to fix
    Install a kernel with virtio_console (Debian: linux-image-amd64; RHEL: kernel-modules), and remove a
    `blacklist virtio_console` from /etc/modprobe.d.
    Remove `method` and `path` from /etc/qemu/qemu-ga.conf and from the agent's options: the default is right.
    Windows: msiexec /i virtio-win-gt-x64.msi /qn, from the virtio-win ISO.
"""

from imgtool.checks.check import Check, System, Verdict, failed, on_agent, require
from imgtool.model.facts import Known
from imgtool.model.services import OPENSTACK_PORT, AgentFacts
from imgtool.model.verdict import Severity

DRIVERS = {"linux": "virtio_console", "windows": "VirtioSerial"}
REMEDIES = {
    "linux": "install a kernel that has it: `apt install linux-image-amd64`, `dnf install kernel-modules`",
    "windows": r"in the guest: `msiexec /i D:\virtio-win-gt-x64.msi /qn` from the virtio-win ISO",
}


def judge(agent: AgentFacts, system: System) -> Verdict:
    """The driver is there, and the agent listens on the port."""
    port = agent.port
    if isinstance(port, Known) and port.value != OPENSTACK_PORT:
        return failed(
            f"the agent listens on {port.value}, and never hears Nova: its port is {OPENSTACK_PORT}",
            port.evidence,
            "take its method and path out of the place that is named there: the default is that port",
        )
    return require(
        agent.channel,
        good="the agent's channel has its driver",
        bad=f"the agent's channel has no driver: {DRIVERS[system]} is missing, or it is not loaded",
        remedy=REMEDIES[system],
    )


CHECK = Check("guest-agent-channel", Severity.ERROR, on_agent(judge))
