"""Hostile images: one builder for each row of what the gate refuses. Each takes a folder and a canary file.

The canary stands for a file of the host that the image would like to read.
"""

from support.hostile import (
    boot_sectors,
    claims,
    names_of_others,
    other_files,
    other_formats,
    qcow2_headers,
    qcow2_tables,
    snapshots,
    vmdk,
    vmdk_headers,
    wrapped,
)
from support.hostile.clusters import CLUSTER_ROWS, INFLATED_ROWS
from support.hostile.qcow2_tables import with_giant_l1
from support.hostile.rows import ROWS
from support.hostile.wrapped import COMPRESS

__all__ = [
    "CLUSTER_ROWS",
    "COMPRESS",
    "INFLATED_ROWS",
    "ROWS",
    "boot_sectors",
    "claims",
    "names_of_others",
    "other_files",
    "other_formats",
    "qcow2_headers",
    "qcow2_tables",
    "snapshots",
    "vmdk",
    "vmdk_headers",
    "with_giant_l1",
    "wrapped",
]
