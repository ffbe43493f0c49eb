"""What GRUB is built with, for whichever firmware: its modules, and where it finds its configuration."""

from debian_image.layout import Layout

GRUB_MODULES = "part_gpt fat ext2 xfs btrfs zstd lvm search search_fs_uuid linux normal configfile echo test"


def early_config(layout: Layout) -> str:
    """The first commands: they find /boot by its file system's UUID, and go on with grub.cfg there."""
    search = f"search --no-floppy --fs-uuid --set=root {layout.boot_uuid}"
    return f"{search}\nconfigfile ($root){layout.boot_prefix}/grub/grub.cfg\n"
