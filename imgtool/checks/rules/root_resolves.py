"""What the boot needs is on the disk: the devices that root= and fstab name.

What it checks
    root= of the kernel that boots, and each line of /etc/fstab without nofail or noauto: the UUID, label,
    partition or logical volume that it names is on this disk. What root= names is the system's file system,
    only one has that name, and rootfstype= is its type; where the initramfs needs root=, it is there. dracut
    waits for every volume of rd.lvm.lv= and rd.luks.uuid=, and activates no others.

Why it matters
    A file system that was made anew or copied has another UUID. With a wrong root= the kernel finds no root;
    with a wrong line in fstab systemd waits 90 seconds for the device and stops in the emergency shell (for
    swap, it waits and goes on).

How to fix
    blkid                      shows what the disk has
    Correct /etc/fstab, or take the line out, or add nofail to its options.
    For root=:  update-grub    or    grub2-mkconfig -o /boot/grub2/grub.cfg
                grubby --update-kernel=ALL --args="root=UUID=..."
"""

from collections.abc import Sequence

from imgtool.checks.check import Check, Verdict, failed, passed, unknown
from imgtool.checks.references import (
    FSTAB,
    delete_from_fstab,
    name_root_on_command_line,
    named,
    on_required,
    rename_in_fstab,
    shown,
    uuid_at,
)
from imgtool.model.guest import GuestFacts
from imgtool.model.linux import DeviceReference
from imgtool.model.verdict import Severity


def judge(required: Sequence[DeviceReference], guest: GuestFacts) -> Verdict:
    """Each device that is required resolves."""
    wrong = next((one for one in required if one.problem), None)
    if wrong is not None:
        return failed(
            f"{wrong.device} is no root that can be mounted: {wrong.problem}",
            shown([wrong]),
            _remedy(wrong, guest),
        )
    lost = [one for one in required if one.resolves is False]
    if lost:
        return failed(f"this disk has no {named(lost)}", shown(lost), _remedy(lost[0], guest))
    unsure = [one for one in required if one.resolves is None]
    if unsure:
        return unknown(f"whether {named(unsure)} is on this disk cannot be told ({shown(unsure)})")
    return passed("all devices that the boot needs are on this disk", shown(required) or "none is named")


def _remedy(lost: DeviceReference, guest: GuestFacts) -> str:
    uuid = uuid_at(guest, lost.mount_point)
    if lost.source != FSTAB:
        return f"name the root that is there: {name_root_on_command_line(uuid)}"
    if uuid is not None:
        return f"name what is there: `{rename_in_fstab(lost, uuid)}`"
    return f"take the line out: `{delete_from_fstab(lost)}`, or correct it by what `blkid` shows"


CHECK = Check("root-resolves", Severity.ERROR, on_required(judge))
