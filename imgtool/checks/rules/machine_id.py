"""The image has no machine-id of its own.

What it checks
    /etc/machine-id is empty, says "uninitialized", or is not there; and /var/lib/dbus/machine-id, from which
    systemd would fill it, is no file of its own; and the kernel's command line has no systemd.machine_id=.

Why it matters
    systemd makes a new machine-id only where it finds none. Instances that share one get the same DHCP
    identifier, and so fight for one address, and their journals cannot be told apart.

How to fix
    truncate --size 0 /etc/machine-id && rm -f /var/lib/dbus/machine-id
    In an image file:  virt-sysprep -a IMAGE --operations machine-id
"""

from imgtool.checks.check import Check, Verdict, failed, on_linux, passed, unknown
from imgtool.model.facts import Known, Unknown
from imgtool.model.linux import LinuxFacts
from imgtool.model.verdict import Severity


def judge(linux: LinuxFacts) -> Verdict:
    """Nothing was baked in: machine-id(5) says what systemd does with each state."""
    match linux.machine_id:
        case Unknown(reason):
            return unknown(reason)
        case Known("set", evidence):
            return failed(
                "a machine-id is baked in: every instance will have the same",
                evidence,
                "take systemd.machine_id= off the kernel's command line"
                if "command line" in evidence
                else "empty it: `truncate --size 0 /etc/machine-id && rm -f /var/lib/dbus/machine-id`",
            )
        case Known(state, evidence):
            return passed(f"machine-id is {state}", evidence)


CHECK = Check("machine-id", Severity.ERROR, on_linux(judge))
