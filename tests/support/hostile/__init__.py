"""Hostile images: one builder for each row of what the gate refuses. Each takes a folder and a canary file.

The canary stands for a file of the host that the image would like to read.
"""

from support.hostile import (
    claims,
    names_of_others,
    other_files,
    other_formats,
    ova,
    qcow2_headers,
    qcow2_tables,
    snapshots,
    vdi_tables,
    vhd_tables,
    vhdx_tables,
    vmdk,
    vmdk_descriptors,
    vmdk_headers,
    vmdk_tables,
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
    "claims",
    "names_of_others",
    "other_files",
    "other_formats",
    "ova",
    "qcow2_headers",
    "qcow2_tables",
    "snapshots",
    "vdi_tables",
    "vhd_tables",
    "vhdx_tables",
    "vmdk",
    "vmdk_descriptors",
    "vmdk_headers",
    "vmdk_tables",
    "with_giant_l1",
    "wrapped",
]
