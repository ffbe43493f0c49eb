"""What to do about a boot that stopped: commands to be pasted."""

INSTALL_LOADER = (
    "install a loader where UEFI looks without an entry in its NVRAM: "
    "`grub-install --target=x86_64-efi --removable --efi-directory=/boot/efi`"
)
INSTALL_GRUB = "`grub-install --target=i386-pc /dev/DISK`, or start the image by UEFI (hw_firmware_type=uefi)"
INSTALL_KERNEL = "install the distribution's kernel package and run `update-grub` (or `grub2-mkconfig`)"
NAME_BOOT = "run `update-grub` and `grub-install` again: they look for a file system that is not on this disk"
REMAKE_INITRAMFS = (
    "make the initramfs again: `update-initramfs -u -k all`, or `dracut --force --regenerate-all`"
)
ADD_DRIVERS = (
    "put virtio_pci, virtio_blk and virtio_scsi into the initramfs: MODULES=most and "
    "`update-initramfs -u -k all`, or `dracut --force --no-hostonly --regenerate-all`"
)
NAME_ROOT = "correct root= on the kernel's command line: `update-grub`, or name what `blkid` shows"
NAME_FSTAB = "correct /etc/fstab by what `blkid` shows, or add nofail to the line's options"
EMULATE_ONE_CPU = "start it with one CPU (--cpus 1), or by KVM"
READ_LOG = "read the whole serial log: `imgtool boot IMAGE --keep-log PATH`"
