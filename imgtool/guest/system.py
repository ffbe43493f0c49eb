"""What the system says of itself: distribution, architecture, machine-id, SSH host keys."""

import fnmatch
import posixpath
import shlex
import struct

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Known
from imgtool.model.linux import MachineId
from imgtool.text import printable

OS_RELEASE_FILES = ("/etc/os-release", "/usr/lib/os-release")
"""In the order of os-release(5)."""

SYSTEM_BINARIES = (
    "/usr/bin/env",
    "/bin/sh",
    "/sbin/init",
    "/usr/lib/systemd/systemd",
    "/bin/busybox",
    "/bin/ls",
)
"""One of these is an ELF file in every Linux system."""

MAX_SETTINGS_BYTES = 64 << 10
"""Largest file of settings in shell syntax that is read."""

MAX_LINE_CHARACTERS = 4096

_LITTLE_ENDIAN = 1
_MACHINES = {
    (3, 1): "i686",
    (8, 1): "mips",
    (8, 2): "mips64",
    (20, 1): "ppc",
    (21, 2): "ppc64",
    (22, 2): "s390x",
    (40, 1): "armv7l",
    (62, 2): "x86_64",
    (183, 2): "aarch64",
    (243, 1): "riscv32",
    (243, 2): "riscv64",
    (258, 2): "loongarch64",
}
"""(e_machine, class) to the name that `uname -m` prints: System V ABI, elf.h."""


def read_distribution(tree: GuestTree) -> Known[str]:
    """os-release ID; `linux` where the file does not say, as os-release(5) has it."""
    path, fields = _os_release(tree)
    value = fields.get("ID") or "linux"
    return Known(value, f"{path}: ID={value}" if "ID" in fields else f"{path}: no ID")


def read_version(tree: GuestTree) -> Known[str | None]:
    """os-release VERSION_ID; None where the distribution has none."""
    path, fields = _os_release(tree)
    value = fields.get("VERSION_ID") or None
    return Known(value, f"{path}: no VERSION_ID" if value is None else f"{path}: VERSION_ID={value}")


def read_architecture(tree: GuestTree) -> Known[str]:
    """By the ELF header of a program that every system has."""
    for path in SYSTEM_BINARIES:
        stream = tree.open(path)
        header = stream.read(20) if stream is not None else b""
        if len(header) == 20 and header.startswith(b"\x7fELF"):
            return Known(
                _machine(header, path), f"{path}: ELF header of {printable(tree.resolve(path) or path)}"
            )
    raise GuestReadError(f"no ELF program at any of {', '.join(SYSTEM_BINARIES)}")


def read_machine_id(tree: GuestTree) -> Known[MachineId]:
    """Whether /etc/machine-id would be the same on every instance: machine-id(5).

    Missing and empty differ: systemd takes a missing file for a first boot, an empty one it only fills. It
    fills it from D-Bus's file, where that is no link: systemd-machine-id-setup(1).
    """
    path = "/etc/machine-id"
    dbus = "/var/lib/dbus/machine-id"
    text = tree.read_text(path)
    if (text or "").strip() in {"", "uninitialized"} and tree.link_target(dbus) is None:
        length = len((tree.read_text(dbus) or "").strip())
        if length:
            return Known("set", f"{dbus} holds {length} characters, from which {path} is filled")
    if text is None:
        return Known("missing", f"{path} is not there")
    value = text.strip()
    if not value:
        return Known("empty", f"{path} is empty")
    if value == "uninitialized":
        return Known("uninitialized", f"{path}: uninitialized")
    return Known("set", f"{path} holds {len(value)} characters")


def read_ssh_host_keys(tree: GuestTree) -> Known[tuple[str, ...]]:
    """Private host keys: every instance of the image would be the same to its clients."""
    names = fnmatch.filter(tree.names("/etc/ssh"), "ssh_host_*_key")
    paths = (posixpath.join("/etc/ssh", name) for name in names)
    found = tuple(printable(path) for path in paths if tree.size_bytes(path) > 0)
    return Known(found, ", ".join(found) if found else "no /etc/ssh/ssh_host_*_key")


def _os_release(tree: GuestTree) -> tuple[str, dict[str, str]]:
    for path in OS_RELEASE_FILES:
        content = tree.read_bytes(path, MAX_SETTINGS_BYTES)
        if content is not None:
            return path, shell_assignments(content.decode("utf-8", "replace"))
    raise GuestReadError(f"neither {' nor '.join(OS_RELEASE_FILES)} is there")


def shell_assignments(text: str) -> dict[str, str]:
    """The `NAME=value` lines of a file in shell syntax, quotes removed, values printable."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, separator, value = line.strip().removeprefix("export ").partition("=")
        if separator and name.isidentifier() and len(value) <= MAX_LINE_CHARACTERS:
            found[name] = printable(_unquoted(value))
    return found


def _unquoted(value: str) -> str:
    try:
        words = shlex.split(value, comments=True)
    except ValueError:
        return value.strip().strip("\"'")
    return words[0] if words else ""


def _machine(header: bytes, path: str) -> str:
    little = header[5] == _LITTLE_ENDIAN
    (machine,) = struct.unpack_from("<H" if little else ">H", header, 18)
    name = _MACHINES.get((machine, header[4]))
    if name is None:
        raise GuestReadError(f"{path}: ELF machine {machine} of class {header[4]} is not known here")
    return f"{name}le" if name == "ppc64" and little else name
