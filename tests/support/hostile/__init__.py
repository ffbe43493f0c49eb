"""Hostile images: one builder for each row of what the gate refuses. Each takes a folder and a canary file.

The canary stands for a file of the host that the image would like to read.
"""

from support.hostile import claims, other_files, other_formats, qcow2_headers, qcow2_tables, vmdk
from support.hostile.qcow2_tables import with_giant_l1
from support.hostile.rows import ROWS

__all__ = [
    "ROWS",
    "claims",
    "other_files",
    "other_formats",
    "qcow2_headers",
    "qcow2_tables",
    "vmdk",
    "with_giant_l1",
]
