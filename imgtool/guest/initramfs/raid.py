"""Whether an initramfs assembles a mirror of Linux' software RAID, on which the root is.

Sources: mdadm's udev-md-raid-assembly.rules, its Debian hook and scripts/local-block/mdadm; dracut's module
mdraid (65-md-incremental-imsm.rules); mkinitcpio's hook mdadm_udev; nlplug-findfs of mkinitfs calls mdadm.
"""

from imgtool.guest.programs import Programs
from imgtool.guest.tree import GuestTree

RAID1_ALIAS = "md-level-1"
"""By what the kernel asks for the module: drivers/md/md.c, md_run."""
MDADM = ("/sbin/mdadm", "/usr/sbin/mdadm", "/usr/bin/mdadm", "/bin/mdadm")
RULES = (
    "64-md-raid-assembly.rules",
    "65-md-incremental-imsm.rules",
    "65-md-incremental.rules",
    "64-md-raid.rules",
)
RULE_DIRECTORIES = ("/etc/udev/rules.d", "/usr/lib/udev/rules.d", "/lib/udev/rules.d")
SCRIPTS = ("/scripts/local-block/mdadm", "/scripts/local-top/mdadm")
"""What initramfs-tools calls while it waits for the root; older ones before that."""


def assembly_obstacle(tree: GuestTree, programs: Programs, generator: str | None) -> str | None:
    """Why nothing assembles the array; None where something does."""
    program = next(filter(tree.exists, MDADM), None)
    if program is None:
        return "no program mdadm in it, and the root is on RAID 1"
    obstacle = programs.obstacle(program)
    if obstacle is not None:
        return f"nothing assembles the RAID 1 that the root is on: {obstacle}"
    rules = any(tree.is_file(f"{directory}/{name}") for directory in RULE_DIRECTORIES for name in RULES)
    if rules or generator == "mkinitfs" or any(map(tree.is_file, SCRIPTS)):
        return None
    return "nothing in it calls mdadm, and the root is on RAID 1"
