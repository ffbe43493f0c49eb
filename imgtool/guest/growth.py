"""Whether the root file system takes what a larger disk gives: its place on the disk, and who grows it.

Sources: cloud-init's "Growpart" and "Resizefs" modules and its cc_growpart.py; growpart(1);
systemd-repart(8); the growroot and kiwi-repart modules of dracut, and initramfs-tools' growroot.
"""

import posixpath
from collections.abc import Iterator

from imgtool.guest.cloud_config import CloudConfig
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.mbr import FIRST_LOGICAL
from imgtool.guest.tree import GuestTree
from imgtool.guest.volumes import DiskLayout, Volume
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.model.services import CloudInitFacts

GROWPART = ("/usr/bin/growpart", "/usr/sbin/growpart", "/usr/local/bin/growpart")
IN_THE_INITRAMFS = (
    "/usr/share/initramfs-tools/scripts/local-bottom/growroot",
    "/usr/share/initramfs-tools/scripts/local-premount/growroot",
)
DRACUT_MODULES = "/usr/lib/dracut/modules.d"
DRACUT_GROWERS = ("growroot", "kiwi-repart")
REPART = "/usr/bin/systemd-repart"
REPART_DIRECTORIES = ("/etc/repart.d", "/usr/local/lib/repart.d", "/usr/lib/repart.d")
SWITCHED_OFF = "/etc/growroot-disabled"
"""cloud-init and the growroot scripts leave the disk alone where this file is."""
OFF = frozenset({"off", "false", "no", "n"})
"""How YAML 1.1 and cloud-init write it."""


def read_root_is_last(layout: DiskLayout, root: Volume) -> Known[bool]:
    """Whether nothing stands between the partition of `root` and the end of the disk."""
    ours = [partition for partition in layout.partitions if partition.number in root.partitions]
    if not ours:
        return Known(value=True, evidence="the disk has no partition table")
    last = max(ours, key=lambda partition: partition.start_bytes)
    behind = next((one for one in layout.partitions if one.start_bytes > last.start_bytes), None)
    if behind is not None:
        return Known(value=False, evidence=f"{behind.name} stands behind {last.name}, which holds the root")
    if layout.scheme == "mbr" and last.number >= FIRST_LOGICAL:
        frame = "the extended partition around it does not grow"
        return Known(value=False, evidence=f"{last.name}, which holds the root, is a logical one: {frame}")
    return Known(value=True, evidence=f"{last.name}, which holds the root, is the last one of the disk")


def read_can_grow(tree: GuestTree, cloud: CloudInitFacts, config: Fact[CloudConfig]) -> Known[bool]:
    """Whether the first boot grows the root's partition, and by what.

    Raises GuestReadError where that depends on what could not be read.
    """
    if tree.exists(SWITCHED_OFF):
        return Known(value=False, evidence=f"{SWITCHED_OFF} is there")
    other = next(_without_cloud_init(tree), None)
    if other is not None:
        return Known(value=True, evidence=other)
    growpart = next((path for path in GROWPART if tree.size_bytes(path) > 0), None)
    if growpart is None:
        return Known(value=False, evidence=f"no {GROWPART[0]}, and nothing else that grows a partition")
    return _by_cloud_init(cloud, config, growpart)


def _without_cloud_init(tree: GuestTree) -> Iterator[str]:
    yield from (path for path in IN_THE_INITRAMFS if tree.size_bytes(path) > 0)
    for name in tree.names(DRACUT_MODULES):
        if name.endswith(DRACUT_GROWERS):
            yield posixpath.join(DRACUT_MODULES, name)
    if tree.size_bytes(REPART) > 0:
        for directory in REPART_DIRECTORIES:
            yield from (f"{directory}/{name}" for name in tree.names(directory) if name.endswith(".conf"))


def _by_cloud_init(cloud: CloudInitFacts, config: Fact[CloudConfig], growpart: str) -> Known[bool]:
    for what, fact in (("installed", cloud.installed), ("enabled", cloud.enabled)):
        if isinstance(fact, Unknown):
            raise GuestReadError(f"whether cloud-init is {what} is not known: {fact.reason}")
        if not fact.value:
            return Known(
                value=False, evidence=f"{growpart}, but cloud-init, which would call it: {fact.evidence}"
            )
    if isinstance(config, Unknown):
        raise GuestReadError(config.reason)
    obstacle = _obstacle(config.value)
    if obstacle is not None:
        return Known(value=False, evidence=obstacle)
    return Known(value=True, evidence=f"{growpart}, called by cloud-init")


def _obstacle(config: CloudConfig) -> str | None:
    """What in cloud-init's configuration keeps the partition or the file system from growing."""
    if config.growpart_mode is not None and config.growpart_mode.value.lower() in OFF:
        return config.growpart_mode.evidence
    if config.resize_root is not None and config.resize_root.value.lower() in OFF:
        return config.resize_root.evidence
    if config.modules is None:
        return (
            "no cloud_init_modules in cloud-init's configuration, so it calls neither growpart nor resizefs"
        )
    missing = [name for name in ("growpart", "resizefs") if name not in config.modules.value]
    return f"{config.modules.evidence} has no {' and no '.join(missing)}" if missing else None
