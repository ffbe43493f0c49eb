"""The image comes up on a virtio-scsi disk: shown by a boot.

What it checks
    Where `--boot` asked for it: a throwaway copy of the image, started by QEMU with the hardware that Nova
    gives an instance with hw_disk_bus=scsi and hw_scsi_model=virtio-scsi, comes up to its login prompt or
    to an answer of qemu-guest-agent. Skipped where no such boot was run; a policy with `required: true`
    asks for one.

Why it matters
    Clouds on Ceph set hw_disk_bus=scsi, for discard. An image whose initramfs has virtio_blk and no
    virtio_scsi with sd_mod starts on one cloud and not on the other.

How to fix
    The finding names the stage at which the boot stopped (firmware, boot loader, kernel, initramfs, user
    space), the cause, and what to do. For all that the guest said on its serial console:
        imgtool boot IMAGE --bus virtio-scsi --keep-log PATH
"""

from imgtool.checks.booted import check_of_boots, judge_bus

CHECK = check_of_boots("boots-on-virtio-scsi", judge_bus, bus="virtio-scsi")
