"""A root file system without room: cloud-init keeps each instance's data there before it grows anything.

Source: cloudinit/stages.py (instancify), cloudinit/cmd/main.py: the local stage writes to /var/lib/cloud, and
growpart and resizefs are modules of the stage behind it. An image whose file system was shrunk to its content
(`resize2fs -M`) has no room.
"""

from collections.abc import Iterator

from imgtool.guest.filesystems.base import Filesystem
from imgtool.guest.filesystems.superblock import Room
from imgtool.guest.growth import grows_before_cloud_init
from imgtool.guest.kernel_command_line import CommandLine
from imgtool.guest.systemd.fstab_units import fstab_mounts
from imgtool.guest.tree import GuestTree
from imgtool.model.services import Trouble

MIN_FREE_BYTES, MIN_FREE_INODES = 1 << 20, 64
"""What an instance takes in /var/lib/cloud: about fifty files, and 400 KiB of blocks."""
STATE_OF_CLOUD_INIT = frozenset({"/var", "/var/lib", "/var/lib/cloud"})


def full_root_troubles(tree: GuestTree, filesystem: Filesystem, line: CommandLine) -> Iterator[Trouble]:
    """Whether the root is full; nothing where its file system does not say it, or grows first."""
    room: Room | None = getattr(filesystem, "room", None)
    if room is None or grows_before_cloud_init(tree):
        return
    if STATE_OF_CLOUD_INIT & {one.where for one in fstab_mounts(tree, line)}:
        return
    free = f"{room.free_bytes >> 10} KiB are free"
    few = room.free_inodes is not None and room.free_inodes < MIN_FREE_INODES
    if few:
        free += f", and {room.free_inodes} inodes"
    if few or room.free_bytes < MIN_FREE_BYTES:
        message = f"the root file system is full, so that cloud-init cannot write: {free}"
        evidence = f"the superblock of the root ({filesystem.type}): {free}"
        yield Trouble("stops", message, evidence, "delete files, or make partition and file system larger")
