"""The guest's /etc/fstab: fstab(5), and the names that udev gives to devices."""

import re
from dataclasses import dataclass

MAX_LINES = 2000
SWAP = "swap"
PSEUDO_TYPES = frozenset(
    (
        *("none", "ignore", "proc", "sysfs", "tmpfs", "ramfs", "devtmpfs", "devpts", "cgroup", "cgroup2"),
        *("securityfs", "debugfs", "tracefs", "configfs", "hugetlbfs", "mqueue", "binfmt_misc", "efivarfs"),
        *("fusectl", "pstore", "bpf", "overlay"),
    )
)
"""Types that take nothing from a disk."""
OCTAL = re.compile(r"\\([0-3][0-7]{2})")
BY_PATH = {"by-uuid": "UUID", "by-label": "LABEL", "by-partuuid": "PARTUUID", "by-partlabel": "PARTLABEL"}
UDEV_ESCAPE = re.compile(r"\\x([0-9a-fA-F]{2})")
FIRST_DISK = re.compile(r"/dev/(?:[vsxh]d|xvd)a(\d*)|/dev/(?:nvme0n1|mmcblk0)(?:p(\d+))?")


@dataclass(frozen=True, slots=True)
class FstabEntry:
    """One line."""

    device: str
    mount_point: str
    type: str
    options: tuple[str, ...]

    def option(self, name: str) -> str | None:
        """The value of `name=value`, or None."""
        return next((o.partition("=")[2] for o in self.options if o.startswith(f"{name}=")), None)

    def values_of(self, name: str) -> tuple[str, ...]:
        """Every value of `name=value`, in their order."""
        return tuple(o.partition("=")[2] for o in self.options if o.startswith(f"{name}="))

    def switch(self, on: str, off: str) -> bool:
        """Whether `on` is among the options, and `off` does not come later."""
        said = [option for option in self.options if option in {on, off}]
        return bool(said) and said[-1] == on

    @property
    def is_bind(self) -> bool:
        """Whether it shows another directory a second time."""
        return "bind" in self.options or "rbind" in self.options


@dataclass(frozen=True, slots=True)
class DeviceName:
    """What a device is named by: UUID, LABEL, PARTUUID, PARTLABEL, volume (of ours), or path (of others)."""

    kind: str
    value: str


def parse_fstab(text: str) -> tuple[FstabEntry, ...]:
    """The entries that mount something of a disk or of the network, in their order."""
    entries = all_entries(text)
    return tuple(e for e in entries if e.type not in {SWAP, *PSEUDO_TYPES} and e.mount_point.startswith("/"))


def device_entries(text: str) -> tuple[FstabEntry, ...]:
    """The entries that take a device of a disk or of the network, swap space too, in their order."""
    entries = (e for e in all_entries(text) if e.type not in PSEUDO_TYPES and not e.is_bind)
    return tuple(e for e in entries if e.type == SWAP or e.mount_point.startswith("/"))


def all_entries(text: str) -> tuple[FstabEntry, ...]:
    """Every line that is an entry, in their order."""
    lines = [line.split() for line in text.splitlines()[:MAX_LINES]]
    return tuple(_entry(fields) for fields in lines if len(fields) >= 2 and not fields[0].startswith("#"))


def _entry(fields: list[str]) -> FstabEntry:
    device, mount_point = _unescape(fields[0]), _unescape(fields[1])
    kind = fields[2] if len(fields) > 2 else "auto"
    options = tuple(_unescape(fields[3]).split(",")) if len(fields) > 3 else ()
    return FstabEntry(device, mount_point, kind, options)


def _unescape(field: str) -> str:
    """Blanks are written as octal numbers: getmntent(3)."""
    return OCTAL.sub(lambda match: chr(int(match[1], 8)), field)


def device_name(device: str) -> DeviceName:
    """What the first field of an entry names."""
    tag, equals, value = device.partition("=")
    if equals and tag in BY_PATH.values():
        return DeviceName(tag, value.strip("\"'"))
    if device.startswith("/dev/disk/"):
        directory, _, name = device.removeprefix("/dev/disk/").partition("/")
        if directory in BY_PATH:
            return DeviceName(BY_PATH[directory], UDEV_ESCAPE.sub(lambda m: chr(int(m[1], 16)), name))
    if device.startswith("/dev/mapper/"):
        return DeviceName("volume", _mapped(device.removeprefix("/dev/mapper/")))
    return _plain_device(device)


def _plain_device(device: str) -> DeviceName:
    """The first disk's partitions by whatever bus, and /dev/group/name."""
    match = FIRST_DISK.fullmatch(device)
    if match:
        number = match[1] or match[2]
        return DeviceName("volume", f"partition {number}" if number else "disk")
    parts = device.split("/")
    if len(parts) == 4 and parts[:2] == ["", "dev"] and parts[2] != "disk":
        return DeviceName("volume", f"{parts[2]}/{parts[3]}")
    return DeviceName("path", device)


def _mapped(name: str) -> str:
    """group/name of a device-mapper name, in which LVM doubles the dashes of each: lvm(8)."""
    group, _, volume = name.replace("--", "\0").partition("-")
    return f"{group}/{volume}".replace("\0", "-")


def comma_option(value: str | None, name: str) -> str | None:
    """The value of `name=` among mount options, the last one; None where it is not there."""
    parts = [part.partition("=") for part in (value or "").split(",")]
    found = [text for key, equals, text in parts if key == name and equals]
    return found[-1] if found else None
