"""Disks are named by what they are, not by the order in which they were found.

What it checks
    root= of the kernel that boots, and each line of /etc/fstab without nofail or noauto: no /dev/sda1,
    /dev/vda1, /dev/nvme0n1p1, no /dev/disk/by-path or by-id.

Why it matters
    The disk is /dev/vda on a virtio bus, /dev/sda on SCSI, /dev/xvda elsewhere, and with a second volume the
    order changes. Paths and serial numbers are those of one machine. The instance then stops in the
    emergency shell.

How to fix
    sed -i "s|^/dev/sda1[[:space:]]|UUID=$(blkid -s UUID -o value /dev/sda1) |" /etc/fstab
    For root=: write root=UUID=... the same way, then update-grub or grub2-mkconfig -o /boot/grub2/grub.cfg
"""

from collections.abc import Sequence

from imgtool.checks.check import Check, Verdict, failed, passed
from imgtool.checks.references import (
    FSTAB,
    name_root_on_command_line,
    named,
    on_required,
    rename_in_fstab,
    shown,
    uuid_at,
)
from imgtool.model.guest import GuestFacts
from imgtool.model.judgement import Severity
from imgtool.model.linux import DeviceReference


def judge(required: Sequence[DeviceReference], guest: GuestFacts) -> Verdict:
    """Each device that is required has a name that does not change."""
    unstable = [one for one in required if not one.stable]
    if unstable:
        message = f"{named(unstable)}: another bus or a second disk changes this name"
        return failed(message, shown(unstable), _remedy(unstable[0], guest))
    return passed("no device is named by its bus or by its order", shown(required) or "none is named")


def _remedy(unstable: DeviceReference, guest: GuestFacts) -> str:
    uuid = uuid_at(guest, unstable.mount_point)
    if unstable.source != FSTAB:
        return f"name the root by its UUID: {name_root_on_command_line(uuid)}"
    return f"name it by its UUID, which `blkid` shows: `{rename_in_fstab(unstable, uuid or 'NEW-UUID')}`"


CHECK = Check("fstab-stable", Severity.ERROR, on_required(judge))
