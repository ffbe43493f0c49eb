"""The layouts of fixtures/recipe/layouts as disks: built here, or the fixture where that takes root."""

import sys
from collections.abc import Callable
from pathlib import Path

from support.fixtures import FIXTURES, fixture_path
from support.images import convert

sys.path.insert(0, str(FIXTURES / "recipe"))

from binaries import cdb
from layouts import COMMON, FAMILIES, LAYOUTS
from layouts.disk import partuuid
from layouts.kernel import write_initramfs, write_kernel
from layouts.layout import Guest, build
from layouts.rpm_files import bdb, ndb
from layouts.tree import Link, write_tree

__all__ = [
    "COMMON",
    "FAMILIES",
    "LAYOUTS",
    "Guest",
    "Link",
    "bdb",
    "built",
    "cdb",
    "ndb",
    "partuuid",
    "write_initramfs",
    "write_kernel",
    "write_tree",
]


def built(name: str, directory: Path, spoil: Callable[[Guest], None] | None = None) -> Path:
    """The image of a layout in `directory`; `spoil` changes the guest before it becomes a disk.

    Any other name is a fixture's, as is a layout that takes root to make; these cannot be spoilt.
    """
    layout = (LAYOUTS | FAMILIES | COMMON).get(name)
    if layout is None or layout.needs_root:
        assert spoil is None, f"{name} is a fixture: it is there as it is"
        return fixture_path(name)
    disk = directory / f"{name}.raw"
    build(layout, disk, directory / f"{name}-work", spoil)
    if layout.format == "raw":
        return disk
    return convert(disk, directory / f"{name}.qcow2", "raw", "qcow2")
