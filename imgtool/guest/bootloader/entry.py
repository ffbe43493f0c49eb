"""One entry of a boot menu, whichever boot loader's it is."""

import posixpath
import re
from dataclasses import dataclass

from imgtool.guest.tree import GuestTree

MAX_ENTRIES = 1000
"""Entries of one menu."""

_IMAGE_NAME = re.compile(r"(?:vmlinuz|vmlinux|linux|kernel|Image)-(.+)")


@dataclass(frozen=True, slots=True)
class BootEntry:
    """What one entry boots. Paths are as the boot loader names them: `located` finds them in the guest."""

    name: str
    """What a default names it by: a menu entry's id, a BLS file's name without `.conf`, a UKI's file name."""
    title: str
    source: str
    """The file that it comes from."""
    linux: str
    """Its kernel image; of a unified kernel image, the file itself."""
    initrds: tuple[str, ...] = ()
    options: str = ""
    version: str = ""
    """The kernel's version where the entry says it, else empty."""
    base: str = "/boot"
    """Guest directory where the boot loader's file system is mounted."""
    unified: bool = False


def located(tree: GuestTree, entry: BootEntry, path: str) -> str | None:
    """The guest path of a file that `entry` names; None where there is none.

    The boot loader counts from the top of its own file system: `/boot/vmlinuz`, `/vmlinuz` where /boot is one
    of its own, `/@/boot/vmlinuz` on a Btrfs subvolume.
    """
    plain = re.sub(r"^\([^)]*\)", "", path)
    name = posixpath.basename(plain)
    below = [posixpath.join(base, plain.lstrip("/")) for base in (entry.base, "/", "/boot")]
    for candidate in (*below, posixpath.join(entry.base, name), posixpath.join("/boot", name)):
        if tree.is_file(candidate):
            return posixpath.normpath(candidate)
    return None


def version_in_path(path: str, installed: frozenset[str]) -> str | None:
    """The installed version that a kernel image's path names: `vmlinuz-VERSION`, or a directory VERSION."""
    found = _IMAGE_NAME.fullmatch(posixpath.basename(path))
    candidates = [found[1]] if found else []
    candidates += reversed(path.split("/"))
    return next((version for version in candidates if version in installed), None)
