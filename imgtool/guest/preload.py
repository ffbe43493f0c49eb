"""Imports readers of guests now, and not when they are needed: for processes that others are forked from."""

import importlib
import pkgutil

import imgtool.guest

LIBRARIES = (
    "asn1crypto.cms",
    "dissect.btrfs",
    "dissect.ntfs",
    "dissect.ntfs.usnjrnl",
    "dissect.regf",
    "dissect.xfs",
)
"""They parse the C structures of their formats when they are imported: half a second of CPU time."""

EXTENSIONS = (
    "_decimal",
    "bz2",
    "deflate",
    "dissect.util._native",
    "isal.igzip_lib",
    "lz4.block",
    "lzma",
    "yaml",
    "zstandard",
)
"""Machine code comes from files only, which the sandbox cannot open. All of it takes 20 ms."""

LIKELY = ("imgtool.guest.linux", "imgtool.guest.secure_boot.chain")
"""Most guests take these. A sandbox, which has to ask for each module, needs twice as long to load them."""


def preload_extensions() -> None:
    """What a sandbox cannot load."""
    for name in EXTENSIONS:
        importlib.import_module(name)


def preload_likely() -> None:
    """What nearly every guest takes, and what a sandbox cannot load."""
    preload_extensions()
    for name in LIKELY:
        importlib.import_module(name)


def preload() -> None:
    """All that is below this package, and what it reads file systems with."""
    for name in LIBRARIES:
        importlib.import_module(name)
    for found in pkgutil.walk_packages(imgtool.guest.__path__, f"{imgtool.guest.__name__}."):
        importlib.import_module(found.name)
