"""fstabs made by a seed: scripts/compare-systemd shows them to systemd's own generator."""

import random

DEVICES = (
    *("UUID=1234-ABCD", "UUID=AAAA-bbbb", "LABEL=a label", "LABEL=x/y", "PARTLABEL=root", "PARTUUID=aa-01"),
    *("/dev/vda1", "/dev/sr0", "tmpfs", "/srv/a.iso", "/srv/my\\040dir", "none", "server:/x", "//smb/x"),
    *('UUID="quoted"', "/dev/mapper/vg-x--y", "/dev/disk/by-id/a:b", "overlay", "proc"),
)
POINTS = (
    *("/", "/boot", "/boot/efi", "/data", "/data/", "//data//x", "/var/lib", "/my\\040data", "/a-b", "/usr"),
    # Only a text.
    *("none", "swap", "relative", "/proc", "/dev/shm", "/run", "/sys/fs/cgroup", "/x.y", "/tmp", "/média"),  # noqa: S108
)
TYPES = (
    "ext4",
    "xfs",
    "auto",
    "vfat",
    "nfs",
    "nfs4",
    "cifs",
    "fuse.sshfs",
    "tmpfs",
    "none",
    "autofs",
    "9p",
    "overlay",
)
OPTIONS = (
    *("defaults", "noauto", "auto", "nofail", "fail", "_netdev", "x-systemd.automount", "bg", "ro", "bind"),
    *("comment=systemd.automount", "x-systemd.requires=/other", "x-systemd.wanted-by=a.target", "noatime"),
    *(
        "x-systemd.required-by=b.service",
        "x-systemd.device-timeout=5",
        "loop",
        "x-systemd.requires=c.service",
    ),
)


def fstab_of(seed: int) -> str:
    """A few lines, some of them broken, the same for the same seed."""
    chance = random.Random(seed)
    lines = []
    for _ in range(chance.randint(1, 6)):
        options = ",".join(chance.sample(OPTIONS, chance.randint(1, 3)))
        fields = [chance.choice(DEVICES), chance.choice(POINTS), chance.choice(TYPES), options, "0", "0"]
        if chance.random() < 0.15:
            fields = fields[: chance.randint(1, 5)]
        if chance.random() < 0.08:
            fields[0] = f"#{fields[0]}"
        fields[0] = fields[0].replace(" ", "\\040")
        lines.append(chance.choice((" ", "\t", "  ")).join(fields))
    return "\n".join(lines) + "\n"
