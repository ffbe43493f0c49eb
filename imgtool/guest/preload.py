"""Imports every reader of guests now, and not when it is needed: for a process that many are forked from."""

import importlib
import pkgutil

import imgtool.guest

LIBRARIES = (
    "dissect.btrfs",
    "dissect.extfs",
    "dissect.extfs.journal",
    "dissect.ntfs",
    "dissect.ntfs.usnjrnl",
    "dissect.regf",
    "dissect.xfs",
)
"""They parse the C structures of their formats when they are imported: half a second of CPU time."""


def preload() -> None:
    """All that is below this package, and what it reads file systems with."""
    for name in LIBRARIES:
        importlib.import_module(name)
    for found in pkgutil.walk_packages(imgtool.guest.__path__, f"{imgtool.guest.__name__}."):
        importlib.import_module(found.name)
