"""What the system says of itself: distribution, architecture, machine-id, SSH host keys."""

import fnmatch
import posixpath
import re
from collections.abc import Iterator

from imgtool.guest.cloud_init.config import CloudConfig
from imgtool.guest.elf import LITTLE_ENDIAN, machine_of
from imgtool.guest.fact import listed
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.found_files import find_files
from imgtool.guest.kernel_command_line import CommandLine, parse_command_line
from imgtool.guest.release import read_release
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Fact, Known
from imgtool.model.linux import MachineId
from imgtool.util.text import printable

SYSTEM_BINARIES = (
    "/usr/bin/env",
    "/bin/sh",
    "/sbin/init",
    "/usr/lib/systemd/systemd",
    "/bin/busybox",
    "/bin/ls",
)
"""One of these is an ELF file in every Linux system."""


def read_distribution(tree: GuestTree) -> Known[str]:
    """os-release ID; `linux` where the file does not say, as os-release(5) has it."""
    release = read_release(tree)
    value = release.identifier or "linux"
    return Known(value, f"{release.path}: {f'ID={value}' if release.identifier else 'no ID'}")


def read_version(tree: GuestTree) -> Known[str | None]:
    """os-release VERSION_ID; None where the distribution has none."""
    release = read_release(tree)
    said = "no VERSION_ID" if release.version is None else f"VERSION_ID={release.version}"
    return Known(release.version, f"{release.path}: {said}")


SYSTEMD = ("/usr/lib/systemd/systemd", "/lib/systemd/systemd")
_MACHINE_ID = re.compile(r"[0-9a-fA-F]{32}")
NO_COMMAND_LINE = parse_command_line("")


def read_architecture(tree: GuestTree) -> Known[str]:
    """Read the architecture from the ELF header of a program that every system has."""
    for path in SYSTEM_BINARIES:
        stream = tree.open(path)
        header = stream.read(20) if stream is not None else b""
        if len(header) == 20 and header.startswith(b"\x7fELF"):
            return Known(
                _machine(header, path), f"{path}: ELF header of {printable(tree.resolve(path) or path)}"
            )
    raise GuestReadError(f"no ELF program at any of {', '.join(SYSTEM_BINARIES)}")


def read_machine_id(tree: GuestTree, command_line: CommandLine = NO_COMMAND_LINE) -> Known[MachineId]:
    """Whether /etc/machine-id would be the same on every instance: machine-id(5).

    Missing and empty differ: systemd takes a missing file for a first boot, an empty one it only fills. It
    fills it from D-Bus's file, where that is no link: systemd-machine-id-setup(1). systemd.machine_id= on the
    kernel's command line stands above all of it: kernel-command-line(7).
    """
    if command_line.machine_id is not None:
        return Known("set", "the kernel's command line has systemd.machine_id=")
    path = "/etc/machine-id"
    dbus = "/var/lib/dbus/machine-id"
    text = tree.read_text(path)
    if (text or "").strip() in {"", "uninitialized"} and tree.link_target(dbus) is None:
        own = (tree.read_text(dbus) or "").strip()
        length = 0 if _is_no_id(own) else len(own)
        if length:
            return Known("set", f"{dbus} holds {length} characters, from which {path} is filled")
    if text is None:
        return Known("missing", f"{path} is not there")
    value = text.strip()
    if not value:
        return Known("empty", f"{path} is empty")
    return _machine_id_of(tree, path, value)


def _machine_id_of(tree: GuestTree, path: str, value: str) -> Known[MachineId]:
    if _is_no_id(value) and any(map(tree.exists, SYSTEMD)):
        return Known("empty", f"{path} holds no machine-id, so that systemd makes a new one")
    if value == "uninitialized":
        return Known("uninitialized", f"{path}: uninitialized")
    return Known("set", f"{path} holds {len(value)} characters")


HOST_KEYS = (
    ("/etc/ssh", "ssh_host_*_key"),
    ("/etc/dropbear", "dropbear_*_host_key"),
    ("/etc/tinyssh/sshkeydir", ".*"),
)
SSHD_CONFIG = ("/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/*.conf")
MAX_SSHD_CONFIG_BYTES = 256 << 10


def read_ssh_host_keys(tree: GuestTree, config: Fact[CloudConfig] | None = None) -> Known[tuple[str, ...]]:
    """Private host keys: every instance of the image would be the same to its clients.

    Those of sshd at its usual place and where sshd_config(5) names others (HostKey), of dropbear and TinySSH,
    and `ssh_keys` of cloud-init's configuration, which each instance would be given.
    """
    usual = [
        posixpath.join(directory, name)
        for directory, pattern in HOST_KEYS
        for name in fnmatch.filter(tree.names(directory), pattern)
    ]
    paths = dict.fromkeys([*usual, *_named_host_keys(tree)])
    found = [printable(path) for path in paths if tree.size_bytes(path) > 0]
    if isinstance(config, Known) and config.value.get("ssh_keys"):
        found.append(f"{config.value.where('ssh_keys')}: ssh_keys of cloud-init's configuration")
    return listed(iter(found), "no /etc/ssh/ssh_host_*_key")


def _named_host_keys(tree: GuestTree) -> Iterator[str]:
    for path in find_files(tree, SSHD_CONFIG).value:
        content = tree.read_bytes(path, MAX_SSHD_CONFIG_BYTES) if tree.is_file(path) else None
        for line in (content or b"").decode("utf-8", "replace").splitlines():
            words = line.replace("=", " ", 1).split()
            if len(words) > 1 and words[0].lower() == "hostkey" and words[1].startswith("/"):
                yield words[1]


def _is_no_id(text: str) -> bool:
    """Whether id128_read of systemd takes `text` for none: not 32 hexadecimal digits, or all of them zero."""
    return text != "uninitialized" and (_MACHINE_ID.fullmatch(text) is None or not text.strip("0"))


def _machine(header: bytes, path: str) -> str:
    name = machine_of(header)
    if name is None:
        machine = int.from_bytes(header[18:20], "little" if header[5] == LITTLE_ENDIAN else "big")
        raise GuestReadError(f"{path}: ELF machine {machine} of class {header[4]} is not known here")
    return name
