"""What a machine is started with where no boot loader says it."""

import pytest
from support.guest_tree import guest_tree

from imgtool.guest.start_files import root_flags

ROOT = "UUID=1 / btrfs"


@pytest.mark.parametrize(
    ("fstab", "flags"),
    [
        (f"{ROOT} subvol=@rootfs,compress=zstd 0 0", "subvol=@rootfs"),
        (f"{ROOT} noatime,subvolid=256 0 0", "subvolid=256"),
        (f"{ROOT} subvolid=256,subvol=/@ 0 0", "subvol=/@"),
        (f"{ROOT} defaults 0 0\nUUID=1 /home btrfs subvol=@home 0 0", ""),
        ("", ""),
    ],
)
def test_the_kernel_is_told_the_subvolume_that_fstab_names(fstab: str, flags: str) -> None:
    assert root_flags(guest_tree({"/etc/fstab": fstab})) == flags
