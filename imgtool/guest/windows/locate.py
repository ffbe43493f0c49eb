"""Whether a Windows system is on a file system."""

from imgtool.guest.filesystems.base import Node
from imgtool.guest.tree import GuestTree

CONFIG = "/Windows/System32/config"
SYSTEM_HIVE = f"{CONFIG}/SYSTEM"
FILESYSTEM_TYPE = "ntfs"
"""Windows starts from no other (ReFS aside, which is not read)."""


def is_windows(filesystem_type: str, root: Node) -> bool:
    """Whether the registry of a Windows system is where `root` is the top of its drive C."""
    return filesystem_type == FILESYSTEM_TYPE and GuestTree({"/": root}).is_file(SYSTEM_HIVE)
