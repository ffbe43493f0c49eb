"""A Linux guest's own files: boot menus, fstab, cloud.cfg, units, settings, package lists."""

import io
from collections.abc import Callable, Mapping
from functools import cache, partial

from fuzz import seeds
from fuzz.model import Seed, Target
from fuzz.mutant import Mutant
from imgtool.guest.disk_contents import DiskContents
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.linux import read_linux
from imgtool.guest.mounts import Device, find_system
from imgtool.guest.volumes import DiskLayout, Volume
from imgtool.model.facts import GuestQuery, Known, Unknown

LOOK_FOR = GuestQuery(
    ("virtio_gpu",), ("/etc/**/*.conf", "/home/*/.ssh/id_?sa", "/boot/**/init*", "/Prog*/*/*")
)
"""As a policy may ask."""
LAYOUTS = ("debian-11", "ubuntu-24.04", "rhel-8", "rhel-9", "alpine-3.20", "arch")
_MAX_TEXT_BYTES = 64 << 10
_MORE: Mapping[str, str] = {
    "/etc/qemu/qemu-ga.conf": "[general]\ndaemon=false\nblacklist=guest-exec;guest-file-open\nlogfile=/x\n",
    "/etc/modprobe.d/virtio.conf": "blacklist virtio_console\ninstall virtio_blk /bin/false\nalias a b\n",
    "/etc/netplan/50-cloud-init.yaml": "network:\n ethernets:\n  a: {match: {macaddress: '52:54:00:12'}}\n",
    "/etc/systemd/network/10-eth0.link": "[Match]\nMACAddress=52:54:00:12:34:56\n[Link]\nName=eth0\n",
    "/etc/lvm/devices/system.devices": "VERSION=1.1.1\nIDTYPE=devname IDNAME=/dev/vda3\n",
    "/etc/lvm/lvm.conf": "devices {\n\tuse_devicesfile = 1\n}\n",
    "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\ndebian:x:1000:1000::/home/debian:/bin/bash\n",
    "/etc/shadow": "root:$6$salt$hash:19000:0:99999:7:::\ndebian:!:19000::::::\n",
    "/root/.ssh/authorized_keys": "ssh-ed25519 AAAA someone\n",
    "/etc/machine-id": "0123456789abcdef0123456789abcdef\n",
    "/boot/extlinux.conf": "DEFAULT x\nLABEL x\n LINUX /v\n INITRD /i\n APPEND root=LABEL=x\n",
    "/etc/default/grub": "GRUB_DEFAULT=0\n",
}
"""What the layouts do not have."""


_PROGRAMS = ("bin/", "-generators/", "/usr/share/", "/etc/ssh/")
"""Only looked for, not into."""


def _is_menu(path: str) -> bool:
    return any(part in path for part in ("grub", "loader", "extlinux"))


def _is_packages(path: str) -> bool:
    return any(part in path for part in ("/dpkg/", "/apk/", "/pacman/"))


def _is_other(path: str) -> bool:
    return not _is_menu(path) and not _is_packages(path) and not any(part in path for part in _PROGRAMS)


@cache
def files_of(layout: str) -> dict[str, bytes | seeds.Link]:
    """Path to content or link: what the layout has, and what none of them has. All is on one file system."""
    more = {path: text.encode() for path, text in _MORE.items() if path != "/boot/extlinux.conf"}
    found = {**more, **seeds.layout_files(layout)}
    table = found["/etc/fstab"]
    if isinstance(table, bytes):
        lines = [line for line in table.splitlines(keepends=True) if b"/boot" not in line]
        found["/etc/fstab"] = b"".join(lines)
    return found


@cache
def _seeds(wanted: Callable[[str], bool]) -> list[Seed]:
    found = []
    for layout in LAYOUTS:
        for path, content in files_of(layout).items():
            if isinstance(content, bytes) and wanted(path) and _is_text(content):
                tokens = tuple(set(content.split()))[:200]
                found.append(Seed(f"{layout}:{path}", content, tokens=tokens))
    return found


def _is_text(content: bytes) -> bool:
    return 0 < len(content) <= _MAX_TEXT_BYTES and b"\0" not in content and not content.startswith(b"MZ")


def _run(mutant: Mutant) -> str:
    layout, _, path = mutant.seed.name.partition(":")
    return f"{path} {read({**files_of(layout), path: mutant.content})}"


def read(tree: Mapping[str, bytes | seeds.Link]) -> str:
    """All facts of a guest with these files; what could not be read of it."""
    root = Device(Volume("disk", 4096, (), io.BytesIO), seeds.MemoryFilesystem(tree, label="x"), None)
    system = find_system([root], [])
    contents = DiskContents(DiskLayout("none", (), b"", (root.volume,)), [root])
    facts = read_linux(system, contents, LOOK_FOR)
    said = [getattr(facts, name) for name in facts.__slots__]
    said += [getattr(part, name) for part in (facts.agent, facts.cloud_init) for name in part.__slots__]
    unknown = sorted({fact.reason for fact in said if isinstance(fact, Unknown)})
    return f"{''.join(map(_shape, said))} {'; '.join(unknown)}"


def _shape(fact: object) -> str:
    """As much of a value as tells one way through a reader from another."""
    if not isinstance(fact, Known):
        return "u"
    value = fact.value
    return (
        "nty"[(value is not None) + bool(value)]
        if not isinstance(value, tuple)
        else "abc"[min(2, len(value))]
    )


_EXPECTED = (GuestReadError,)
"""Of find_system alone, where the file is one that tells a system."""
TARGETS = (
    Target("boot-menu", partial(_seeds, _is_menu), _run, _EXPECTED, text=True, share=40),
    Target("package-lists", partial(_seeds, _is_packages), _run, _EXPECTED, text=True, share=20),
    Target("settings", partial(_seeds, _is_other), _run, _EXPECTED, text=True, share=50),
)
