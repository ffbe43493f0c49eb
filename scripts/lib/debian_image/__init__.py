"""A real Debian cloud image, built from Debian's packages: see `build-image --help`.

cli.py          the options; the story of one image, top to bottom
cache.py        made once, whole or not at all, by whoever comes first
rootfs.py       mmdebstrap makes the root file system; it is cleaned as a golden image is
faults.py       what can be spoilt on purpose
disk.py         GPT, EFI system partition with GRUB, root: put together in one raw file
grub.py         what GRUB is built with, for whichever firmware
grub_pc.py      GRUB for BIOS as well, in the disk's first MiB
filesystems.py  ext4 and XFS from a directory, without a mount
loop.py         Btrfs with a subvolume, and LVM: what needs loop devices
layout.py       identifiers and sizes that the disk and the files inside it have to agree on
commands.py     runs other programs
"""
