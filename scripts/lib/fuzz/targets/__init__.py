"""What can be fuzzed: one module a format, each with its TARGETS."""

from fuzz.model import Target
from fuzz.targets import (
    disks,
    files,
    initramfs,
    names,
    other_images,
    packages,
    partitions,
    qcow2,
    registry,
    settings,
    wrappers,
)

_MODULES = (
    initramfs,
    partitions,
    packages,
    settings,
    names,
    registry,
    wrappers,
    qcow2,
    other_images,
    files,
    disks,
)
TARGETS: dict[str, Target] = {target.name: target for module in _MODULES for target in module.TARGETS}
"""Name to target, the quickest first."""
