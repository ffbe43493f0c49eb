"""The bytes of a disk, whatever file they are kept in."""

from imgtool.disk.access import open_disk
from imgtool.disk.wrapped import unwrap

__all__ = ["open_disk", "unwrap"]
