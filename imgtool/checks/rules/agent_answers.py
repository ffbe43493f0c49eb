"""qemu-guest-agent answers from inside the running image: shown by a boot.

What it checks
    Where `--boot` asked for it: in every boot of a throwaway copy of the image the agent answered guest-ping
    over its virtio serial port in time. Skipped where no boot was run; a policy with `required: true` asks
    for one.

Why it matters
    guest-agent-installed, guest-agent-enabled and guest-agent-channel infer that the agent will run. A
    service that fails at its start, or a channel that is never opened, shows only when the image runs; with
    hw_qemu_guest_agent=yes Nova then waits in vain, and quiesced snapshots fail.

How to fix
    Where the image does not come up at all, see boots-on-virtio-blk. Where it does:
        systemctl status qemu-guest-agent       in the guest: why it does not run
        systemctl unmask qemu-guest-agent
        apt install qemu-guest-agent            or dnf install qemu-guest-agent
"""

from collections.abc import Sequence

from imgtool.checks.booted import check_of_boots, how, stopped_verdict
from imgtool.checks.check import Verdict, passed
from imgtool.model.boot import BootResult
from imgtool.model.inspection import Inspection


def judge(_: Inspection, boots: Sequence[BootResult]) -> Verdict:
    """It answered in every boot."""
    silent = next((one for one in boots if not one.answered), None)
    if silent is None:
        return passed("qemu-guest-agent answers", "; ".join(map(how, boots)))
    return stopped_verdict(silent, "qemu-guest-agent does not answer")


CHECK = check_of_boots("agent-answers", judge)
