"""What can be fuzzed: one module a format, each with its TARGETS."""

from fuzz.model import Target
from fuzz.targets import (
    archives,
    block_images,
    disks,
    documents,
    files,
    firmware,
    grub_script,
    initramfs,
    names,
    other_images,
    packages,
    partitions,
    qcow2,
    registry,
    settings,
    signatures,
    vmdk,
    wrappers,
)

_MODULES = (
    grub_script,
    initramfs,
    firmware,
    signatures,
    partitions,
    packages,
    settings,
    names,
    documents,
    registry,
    wrappers,
    archives,
    qcow2,
    other_images,
    block_images,
    vmdk,
    files,
    disks,
)
TARGETS: dict[str, Target] = {target.name: target for module in _MODULES for target in module.TARGETS}
"""Name to target, the quickest first."""
