"""What a boot loader does by itself, with nobody at the keyboard, by the rules of its own program.

start.py         what the firmware hands over: which loader, and where its configuration begins
run.py           what a loader comes to: an entry after so many seconds, a menu that waits, an error
entry.py         one entry of a menu
choose.py        which installed kernel that entry boots
files.py         the files of one file system, as a loader finds them
loaders.py       runs whichever loader the firmware starts
systemd_boot.py, systemd_boot_entries.py   systemd-boot
unified.py       unified kernel images, which the firmware may start itself
syslinux.py, syslinux_config.py, syslinux_files.py   SYSLINUX and EXTLINUX
grub_legacy.py   GRUB legacy
grub/            GRUB: its script language, its view of the disk, its menu
kernel_image.py  a kernel image as loaders look at it
bls.py, patterns.py   what readers of the Boot Loader Specification share
"""
