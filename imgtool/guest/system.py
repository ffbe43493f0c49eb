"""What the system says of itself: distribution, architecture, machine-id, SSH host keys."""

import fnmatch
import posixpath

from imgtool.guest.elf import LITTLE_ENDIAN, machine_of
from imgtool.guest.fact import listed
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.kernel_command_line import CommandLine, parse_command_line
from imgtool.guest.release import read_release
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Known
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
    found = (printable(path) for path in paths if tree.size_bytes(path) > 0)
    return listed(found, "no /etc/ssh/ssh_host_*_key")


def _machine(header: bytes, path: str) -> str:
    name = machine_of(header)
    if name is None:
        machine = int.from_bytes(header[18:20], "little" if header[5] == LITTLE_ENDIAN else "big")
        raise GuestReadError(f"{path}: ELF machine {machine} of class {header[4]} is not known here")
    return name
