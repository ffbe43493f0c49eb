"""How a package that is missing on this machine is installed: by the words of its own package manager."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

OS_RELEASE = (Path("/etc/os-release"), Path("/usr/lib/os-release"))
_BOUND_BYTES = 1 << 16

MANAGERS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "apt": frozenset({"debian", "ubuntu"}),
        "dnf": frozenset({"fedora", "rhel", "centos"}),
        "zypper": frozenset({"suse", "opensuse", "sles"}),
    }
)
"""Each package manager, and the systems that have it, by ID and ID_LIKE of os-release(5)."""

_NAMES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "qemu-utils": ("qemu-img", "qemu-tools"),
        "libmagic1": ("file-libs", "libmagic1"),
        "qemu-system-x86": ("qemu-system-x86", "qemu-x86"),
        "qemu-system-arm": ("qemu-system-aarch64", "qemu-arm"),
        "ovmf": ("edk2-ovmf", "qemu-ovmf-x86_64"),
        "qemu-efi-aarch64": ("edk2-aarch64", "qemu-uefi-aarch64"),
        "util-linux": ("util-linux", "util-linux"),
        "bubblewrap": ("bubblewrap", "bubblewrap"),
    }
)
"""By Debian's name of a package that of Fedora and that of openSUSE."""


def command(package: str, files: tuple[Path, ...] = OS_RELEASE) -> str:
    """Return the command that installs `package`, Debian's name of it, on this machine.

    Where this is a system that nothing is known of, all three ways stand in it.
    """
    others = _NAMES.get(package, (package, package))
    ways = {
        manager: f"{manager} install {name}"
        for manager, name in zip(MANAGERS, (package, *others), strict=True)
    }
    here = _manager(files)
    return ways[here] if here is not None else f"{ways['apt']}, {ways['dnf']} or {ways['zypper']}"


def _manager(files: tuple[Path, ...]) -> str | None:
    """Return the package manager of this machine, by the first of the files that is there."""
    text = next((_text(path) for path in files if os.access(path, os.R_OK)), "")
    named = re.findall(r"^(?:ID|ID_LIKE)=(.*)$", text, re.MULTILINE)
    words = {part for value in named for part in re.split(r"[ -]", value.strip("\"'"))}
    return next((manager for manager, systems in MANAGERS.items() if systems & words), None)


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_BOUND_BYTES).decode(errors="replace")
