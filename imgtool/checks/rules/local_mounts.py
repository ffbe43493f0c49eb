"""What systemd mounts at boot can be mounted.

What it checks
    /etc/fstab, /etc/crypttab and mount units, as systemd takes them: the type and the options suit the file
    system that is there; the file of a loop mount, the directories of an overlay and the device of a mount
    unit are there; nothing waits for a passphrase; the root is remounted read-write, and an ext4 or XFS has
    1 MiB and 64 inodes free. (Devices that fstab names and the disk does not have: the check root-resolves.)

Why it matters
    A mount that local-fs.target requires and that fails ends in emergency mode: no network, no cloud-init, no
    agent. A root that stays read-only or is full comes up, but cloud-init can write nothing. A missing swap
    device, or one that is only wanted, costs 90 seconds: that is a warning.

How to fix
    Correct the line of /etc/fstab or /etc/crypttab, or add nofail to its options.
    findmnt --verify --verbose           shows what mount thinks of fstab
    systemctl disable UNIT.mount         takes a mount unit out of the boot
"""

from imgtool.checks.check import Check, Verdict, on_linux
from imgtool.checks.troubles import worst
from imgtool.model.linux import LinuxFacts
from imgtool.model.verdict import Severity


def judge(linux: LinuxFacts) -> Verdict:
    """No mount fails that the boot needs."""
    return worst(linux.user_space.mounts, "what is mounted at boot can be mounted")


CHECK = Check("local-mounts", Severity.ERROR, on_linux(judge))
