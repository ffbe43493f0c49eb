# ruff: noqa: E501 - the rows of the tables are easier to compare in one line
"""What comes of fstab, crypttab and mount units at boot. Each row is a small guest, changed in one point.

Boots under QEMU of Debian 12 decided: a bind mount whose source is missing comes up, because systemd makes the
directory; a root with an option that ext4 does not know stays read-only and reaches multi-user.target, where
logind, sshd and all else that writes fail; a loop mount of a missing file ends in emergency mode.
"""

import pytest
from support.guest_tree import EMPTY_DIRECTORY, Content, Link, guest_tree
from support.memory_disks import Part, contents
from support.memory_filesystem import MemoryFilesystem
from support.units import ETC, LIB, SYSTEM

from imgtool.guest.filesystems.rootless import Rootless
from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.guest.local_mounts import Guest, read_mount_troubles
from imgtool.guest.systemd import Machine, what_starts

GONE = "UUID=11111111-2222-3333-4444-555555555555"
GONE_PATH = f"/dev/disk/by-uuid/{GONE.removeprefix('UUID=')}"
ROOT_UUID = "22222222-aaaa-4444-8888-666666666666"
PARTS = (
    Part(label="root", uuid=ROOT_UUID, partition_label="rootpart"),
    Part(filesystem=MemoryFilesystem(type="vfat", label="ESP", uuid="ABCD-1234")),
    Part(filesystem=MemoryFilesystem(type="xfs", label="data", uuid="33333333-4444-4444-8888-666666666666")),
    Part(filesystem=Rootless("swap", "swap", "44444444-4444-4444-8888-666666666666", "swap")),
)
ENCRYPTED = Part(
    filesystem=Rootless("crypto_LUKS", None, "55555555-4444-4444-8888-666666666666", "encrypted")
)
DISK, WITH_LUKS = contents(*PARTS), contents(*PARTS, ENCRYPTED)
ROOT_LINE = "LABEL=root / ext4 defaults 0 1\n"
GENERATOR = {"/usr/lib/systemd/system-generators/systemd-cryptsetup-generator": "#!/bin/sh\n"}
LUKS = "UUID=55555555-4444-4444-8888-666666666666"


GENERATORS, MASKS = "/usr/lib/systemd/system-generators", "/etc/systemd/system-generators"
CORE = {f"{GENERATORS}/systemd-getty-generator": "x"}


def troubles(
    fstab: str,
    more: dict[str, Content] | None = None,
    line: str = "ro root=LABEL=root",
    root: str = ROOT_LINE,
) -> list[tuple[str, str]]:
    """Effect and message of what goes wrong."""
    tree = guest_tree({**SYSTEM, "/etc/fstab": f"{root}{fstab}\n", **(more or {})})
    command_line = parse_command_line(line)
    started = what_starts(tree, Machine(command_line))
    disk = WITH_LUKS if LUKS in f"{fstab}{more}" else DISK
    guest = Guest(tree, disk, command_line, "ext4", (6, 1))
    return [(one.effect, one.message) for one in read_mount_troubles(started, guest).value]


FINE: dict[str, tuple[str, dict[str, Content]]] = {
    "automount": (f"{GONE} /data ext4 noauto,x-systemd.automount 0 2", {}),
    "automount without noauto": (f"{GONE} /data ext4 x-systemd.automount 0 2", {}),
    "old word for automount": (f"{GONE} /data ext4 comment=systemd.automount 0 2", {}),
    "cdrom": ("/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0", {}),
    "floppy": ("/dev/fd0 /media/floppy auto rw,user,noauto 0 0", {}),
    "nofail": (f"{GONE} /data ext4 nofail 0 2", {}),
    "nofail,x-systemd.device-timeout": (f"{GONE} /data ext4 nofail,x-systemd.device-timeout=5 0 2", {}),
    "noauto": (f"{GONE} /data ext4 noauto 0 2", {}),
    "missing is told by root-resolves": (f"{GONE} /data ext4 defaults 0 2", {}),
    "ESP": ("LABEL=ESP /boot/efi vfat umask=0077,shortname=winnt 0 1", {}),
    "type auto": ("LABEL=data /data auto defaults 0 2", {}),
    "no type": ("LABEL=data /data", {}),
    "one of several types": ("LABEL=data /data ext4,xfs defaults 0 2", {}),
    "ext4 as ext3's driver": ("LABEL=root /again ext4 defaults 0 2", {}),
    "tmpfs": ("tmpfs /tmp tmpfs size=1G,mode=1777 0 0", {}),
    "proc": ("proc /proc proc defaults 0 0", {}),
    "nfs": ("server:/x /srv nfs defaults 0 0", {}),
    "sshfs": ("u@h:/x /srv fuse.sshfs defaults 0 0", {}),
    "bind of what is there": ("/usr /mnt none bind 0 0", {}),
    "bind-missing": ("/srv/nosuch /mnt none bind 0 0", {}),
    "bind of what is made at boot": ("/run/x /mnt none bind 0 0", {}),
    "loop": ("/srv/a.iso /mnt iso9660 loop,ro 0 0", {"/srv/a.iso": "x"}),
    "loop nofail": ("/srv/nosuch.iso /mnt iso9660 loop,ro,nofail 0 0", {}),
    "overlay": (
        "overlay /mnt overlay lowerdir=/usr,upperdir=/srv/u,workdir=/srv/w 0 0",
        {"/srv/u": EMPTY_DIRECTORY, "/srv/w": EMPTY_DIRECTORY},
    ),
    "swap": ("LABEL=swap none swap sw 0 0", {}),
    "swap file": ("/swapfile none swap sw 0 0", {"/swapfile": "x"}),
    "swap nofail": (f"{GONE} none swap sw,nofail 0 0", {}),
    "a comment and a broken line": ("# LABEL=x /x ext4\nLABEL=broken\n\n", {}),
    "the second line of a mount point": ("LABEL=data /data xfs defaults 0 2\nLABEL=ESP /data ext4 defaults 0 0", {}),
    "blanks written as octal numbers": ("LABEL=data /my\\040data xfs defaults 0 2", {}),
    "a path that is no mount point": ("LABEL=ESP data ext4 defaults 0 0", {}),
    "options of mount's own": ("LABEL=data /data xfs x-foo,X-mount.mkdir,user,_netdev,comment=x,noatime 0 2", {}),
    "a unit of /etc takes the place of fstab's": (
        "LABEL=ESP /data ext4 defaults 0 0",
        {f"{ETC}/data.mount": "[Mount]\nWhat=LABEL=data\nWhere=/data\nType=tmpfs\n"},
    ),
    "a mask takes the place of fstab's": ("LABEL=ESP /data ext4 defaults 0 0", {f"{ETC}/data.mount": Link("/dev/null")}),
    "a mount unit that nothing starts": ("", {f"{ETC}/data.mount": f"[Mount]\nWhat={GONE_PATH}\nWhere=/data\n"}),
    "tmpfs with options": ("tmpfs /scratch tmpfs noexec,size=1m,mode=1777,huge=never 0 0", {}),
    "crypttab is not read": (
        "",
        {f"{GENERATORS}/systemd-cryptsetup-generator": "x", f"{MASKS}/systemd-cryptsetup-generator": "",
         "/etc/crypttab": f"data {LUKS} none luks\n"},
    ),
    "crypttab noauto": ("", {**GENERATOR, "/etc/crypttab": f"data {GONE} none luks,noauto\n"}),
    "crypttab nofail": ("", {**GENERATOR, "/etc/crypttab": f"data {LUKS} none luks,nofail\n"}),
    "crypttab with a key": (
        "/dev/mapper/data /data ext4 defaults 0 2",
        {**GENERATOR, "/etc/crypttab": f"data {LUKS} /etc/key luks\n", "/etc/key": "x"},
    ),
    "crypttab without cryptsetup": ("", {"/etc/crypttab": f"data {GONE} none luks\n"}),
    "crypttab swap with a random key": ("", {**GENERATOR, "/etc/crypttab": "s /dev/vda4 /dev/urandom swap\n"}),
}  # fmt: skip


@pytest.mark.parametrize(("fstab", "more"), FINE.values(), ids=FINE)
def test_comes_up(fstab: str, more: dict[str, Content]) -> None:
    assert troubles(fstab, more) == []


MOUNT_UNIT = f"[Unit]\nBefore=local-fs.target\n[Mount]\nWhat={GONE_PATH}\nWhere=/data\nType=ext4\n"

STOPS: dict[str, tuple[str, dict[str, Content], str]] = {
    "bad-type": ("LABEL=ESP /efi2 ext4 defaults 0 0", {}, "/efi2 cannot be mounted, /dev/disk/by-label/ESP holds vfat"),
    "xfs as ext4": ("LABEL=data /data ext4 defaults 0 2", {}, "holds xfs, not ext4"),
    "swap as auto": ("LABEL=swap /data auto defaults 0 2", {}, "holds swap"),
    "encrypted as ext4": (f"{LUKS} /data ext4 defaults 0 2", {}, "holds crypto_LUKS"),
    "loop-missing": ("/srv/nosuch.iso /mnt iso9660 loop,ro 0 0", {}, "/srv/nosuch.iso is not there"),
    "a file without loop": ("/srv/nosuch.img /mnt ext4 defaults 0 0", {}, "/srv/nosuch.img is not there"),
    "an unknown option": ("LABEL=data /data xfs defaults,nosuchoption 0 2", {}, "refuses the option nosuch"),
    "an option of another type": ("LABEL=data /data xfs data=ordered 0 2", {}, "option data=ordered"),
    "an option that is gone": ("LABEL=data /data xfs nobarrier 0 2", {}, "option nobarrier"),
    "an option that tmpfs has not": ("tmpfs /scratch tmpfs size=1m,nosuch=1 0 0", {}, "tmpfs refuses the option"),
    "a value that is none": ("LABEL=root /again ext4 errors=reboot 0 2", {}, "option errors=reboot"),
    "no device at all": ("none /data ext4 defaults 0 2", {}, "none names no device"),
    "an overlay without its lower directory": (
        "overlay /mnt overlay lowerdir=/srv/gone,upperdir=/usr,workdir=/usr 0 0", {}, "lowerdir /srv/gone"),
    "a share of the host": ("share /mnt virtiofs defaults 0 0", {}, "no virtiofs share"),
    "a bind source below a file": ("/etc/fstab/x /mnt none bind 0 0", {}, "/etc/fstab is a file"),
    "mountunit-missing": (
        "",
        {f"{ETC}/data.mount": MOUNT_UNIT, f"{ETC}/local-fs.target.requires/data.mount": Link("../data.mount")},
        "after 90 seconds of waiting: /data cannot be mounted",
    ),
    "a mount unit that the target names": (
        "",
        {f"{ETC}/data.mount": MOUNT_UNIT, f"{ETC}/local-fs.target.d/x.conf": "[Unit]\nRequires=data.mount\n"},
        "/data cannot be mounted",
    ),
    "a mount that another one requires": (
        "LABEL=data /data xfs x-systemd.requires=/other 0 2\n/srv/gone /other ext4 noauto 0 0", {}, "/other cannot"),
    "crypttab-missing": (
        "/dev/mapper/data /data ext4 defaults 0 2",
        {"/etc/crypttab": f"data {GONE} none luks\n"},
        "systemd-cryptsetup is not installed",
    ),
    "crypttab-missing with cryptsetup": (
        "/dev/mapper/data /data ext4 defaults 0 2",
        {**GENERATOR, "/etc/crypttab": f"data {GONE} none luks,noauto\n"},
        "which does not exist",
    ),
    "crypttab asks for a passphrase": (
        "", {**GENERATOR, "/etc/crypttab": f"data {LUKS} none luks\n"}, "for ever for the passphrase of data"),
    "crypttab without its key": (
        "", {**GENERATOR, "/etc/crypttab": f"data {LUKS} /etc/gone luks\n"}, "for ever for the passphrase"),
}  # fmt: skip


@pytest.mark.parametrize(("fstab", "more", "message"), STOPS.values(), ids=STOPS)
def test_stops(fstab: str, more: dict[str, Content], message: str) -> None:
    found = [text for effect, text in troubles(fstab, more) if effect == "stops"]
    assert len(found) == 1
    assert message in found[0]


WAITS: dict[str, tuple[str, dict[str, Content]]] = {
    "swap-missing": (f"{GONE} none swap sw 0 0", {}),
    "swap of another disk": ("/dev/sdb2 none swap sw 0 0", {}),
    "_netdev": (f"{GONE} /data ext4 _netdev 0 0", {}),
    "crypttab": ("", {**GENERATOR, "/etc/crypttab": f"data {GONE} none luks\n"}),
    "a mount unit that is wanted": (
        "",
        {f"{ETC}/data.mount": MOUNT_UNIT, f"{ETC}/local-fs.target.wants/data.mount": Link("../data.mount")},
    ),
}


@pytest.mark.parametrize(("fstab", "more"), WAITS.values(), ids=WAITS)
def test_waits(fstab: str, more: dict[str, Content]) -> None:
    ((effect, message),) = troubles(fstab, more)
    assert effect == "waits"
    assert "90 seconds" in message


@pytest.mark.parametrize(
    ("root", "line", "message"),
    [
        ("LABEL=root / ext4 defaults,nosuchoption 0 1", "ro", "refuses the option nosuchoption"),
        ("LABEL=root / ext4 defaults,nosuchoption 0 1", "rw", None),
        (f"UUID={ROOT_UUID.upper()} / ext4 defaults 0 1", "ro", "there is no UUID="),
        (f"UUID={ROOT_UUID.upper()} / ext4 defaults 0 1", "rw", None),
        (f"UUID={ROOT_UUID} / ext4 defaults 0 1", "ro", None),
        ("/dev/gone / ext4 defaults 0 1", "ro", None),
        ("LABEL=root / xfs defaults 0 1", "ro", None),
        ("LABEL=gone / ext4 defaults 0 1", "ro", "there is no LABEL=gone"),
        ("LABEL=root / ext4 defaults,ro 0 1", "ro", "says `ro` for /"),
        ("LABEL=root / ext4 ro 0 1", "rw", "says `ro` for /"),
        ("LABEL=root / ext4 ro,rw 0 1", "ro", None),
        ("LABEL=root / ext4 defaults 0 1", "ro systemd.mask=systemd-remount-fs.service", "masks it"),
        ("LABEL=root / ext4 defaults 0 1", "rw systemd.mask=systemd-remount-fs.service", None),
        ("LABEL=root / ext4 ro 0 1\ntmpfs /var tmpfs defaults 0 0", "ro", None),
        ("", "ro", "nothing remounts it"),
        ("", "rw", None),
        ("", "ro rootflags=rw", None),
        ("", "quiet", None),
    ],
)
def test_the_root(root: str, line: str, message: str | None) -> None:
    found = troubles("", {}, line, f"{root}\n")
    assert [effect for effect, _ in found] == ([] if message is None else ["stops"])
    assert message is None or message in found[0][1]


def test_no_fstab_is_read_where_the_command_line_forbids_it() -> None:
    assert troubles("LABEL=ESP /efi2 ext4 defaults 0 0", {}, "rw fstab=no") == []


def test_no_fstab_is_read_where_its_generator_does_not_run() -> None:
    program = {f"{GENERATORS}/systemd-fstab-generator": "x"}
    masks: tuple[Content, ...] = ("", Link("/dev/null"))
    stopped: list[dict[str, Content]] = [
        {**CORE},
        *({**program, f"{MASKS}/systemd-fstab-generator": mask} for mask in masks),
    ]
    for files in stopped:
        ((effect, message),) = troubles("", files)
        assert (effect, "nothing remounts it" in message) == ("stops", True)
        assert troubles(f"{GONE} /data ext4 defaults 0 2", files, "rw") == []
    assert troubles("", {**CORE, **program}) == []


def test_no_crypttab_is_read_where_the_command_line_forbids_it() -> None:
    asks: dict[str, Content] = {**GENERATOR, "/etc/crypttab": f"data {LUKS} none luks\n"}
    assert len(troubles("", asks)) == 1
    for word in ("luks=no", "luks.crypttab=0"):
        assert troubles("", asks, f"ro {word}") == []
    ((effect, message),) = troubles("/dev/mapper/data /data ext4 defaults 0 2", asks, "ro luks=no")
    assert (effect, "says luks=no" in message) == ("stops", True)


def test_without_emergency_mode_nothing_stops() -> None:
    more: dict[str, Content] = {f"{LIB}/local-fs.target": "[Unit]\nDescription=x\n"}
    assert troubles("LABEL=ESP /efi2 ext4 defaults 0 0", more) == []
