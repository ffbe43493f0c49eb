"""Disks are named by what they are, not by the order in which they were found.

What it checks
    root= of the kernel that boots, and each line of /etc/fstab without nofail or noauto: no /dev/sda1,
    /dev/nvme0n1p1, no /dev/disk/by-path or by-id. /dev/vda1 is right as long as the disk is on virtio-blk,
    which is what Nova gives where an image asks for nothing else: passed, with that said.

Why it matters
    The disk is /dev/vda on a virtio bus, /dev/sda on SCSI, /dev/xvda elsewhere, and with a second volume the
    order changes. Paths and serial numbers are those of one machine. The instance then stops in the
    emergency shell.

How to fix
    sed -i "s|^/dev/sda1[[:space:]]|UUID=$(blkid -s UUID -o value /dev/sda1) |" /etc/fstab
    For root=: write root=UUID=... the same way, then update-grub or grub2-mkconfig -o /boot/grub2/grub.cfg
"""

import re
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
from imgtool.model.drivers import BLOCK, before_root
from imgtool.model.facts import Known, Unknown
from imgtool.model.guest import GuestFacts
from imgtool.model.linux import DeviceReference
from imgtool.model.verdict import Severity

VIRTIO_BLK = re.compile(r"(?:block:)?/dev/vda\d*")


def judge(required: Sequence[DeviceReference], guest: GuestFacts) -> Verdict:
    """Each device that is required has a name that does not change."""
    unstable = [one for one in required if not one.stable]
    if unstable and _is_virtio_blk(guest) and all(VIRTIO_BLK.fullmatch(one.device) for one in unstable):
        return passed(
            f"{named(unstable)} is right on virtio-blk (hw_disk_bus=virtio, Nova's default), and on no other",
            shown(unstable),
        )
    if unstable:
        message = f"{named(unstable)}: another bus or a second disk changes this name"
        return failed(message, shown(unstable), _remedy(unstable[0], guest))
    return passed("no device is named by its bus or by its order", shown(required) or "none is named")


def _is_virtio_blk(guest: GuestFacts) -> bool:
    """Whether Nova gives a virtio-blk disk: it does where the booting kernel reaches one."""
    kernels = guest.linux.kernels if guest.linux is not None else None
    known = kernels.value if isinstance(kernels, Known) else ()
    booting = next((one for one in known if one.default), None)
    if booting is None or isinstance(booting.initramfs, Unknown):
        return False
    return before_root(booting, booting.initramfs.value).has(BLOCK)


def _remedy(unstable: DeviceReference, guest: GuestFacts) -> str:
    uuid = uuid_at(guest, unstable.mount_point)
    if unstable.source != FSTAB:
        return f"name the root by its UUID: {name_root_on_command_line(uuid)}"
    return f"name it by its UUID, which `blkid` shows: `{rename_in_fstab(unstable, uuid or 'NEW-UUID')}`"


CHECK = Check("fstab-stable", Severity.ERROR, on_required(judge))
