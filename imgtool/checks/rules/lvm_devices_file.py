"""LVM is not restricted to the devices of another machine.

What it checks
    /etc/lvm/devices/system.devices names no device (or is switched off by use_devicesfile=0).

Why it matters
    RHEL 9 and Fedora list the disks that LVM may look at, by serial number or WWID. A new instance has other
    ones: volume groups are not found, and a volume that is attached is ignored.

How to fix
    rm /etc/lvm/devices/system.devices
    In an image file:  virt-sysprep -a IMAGE --operations lvm-system-devices
"""

from imgtool.checks.check import Check, Verdict, failed, on_linux, passed, unknown
from imgtool.model.facts import Known, Unknown
from imgtool.model.linux import LinuxFacts
from imgtool.model.verdict import Severity


def judge(linux: LinuxFacts) -> Verdict:
    """The list names no device."""
    match linux.lvm_devices_file:
        case Unknown(reason):
            return unknown(reason)
        case Known(True, evidence):
            return failed(
                "LVM may use the devices of another machine only",
                evidence,
                "`rm /etc/lvm/devices/system.devices`",
            )
        case Known(_, evidence):
            return passed("LVM may use every device", evidence)


CHECK = Check("lvm-devices-file", Severity.WARNING, on_linux(judge))
