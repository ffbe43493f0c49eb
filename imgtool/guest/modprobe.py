"""Whether modprobe's configuration keeps a module from being loaded: modprobe.d(5)."""

import posixpath
import re

from imgtool.guest.tree import GuestTree
from imgtool.text import printable

CONFIGURATION_DIRECTORIES = (
    "/etc/modprobe.d",
    "/usr/local/lib/modprobe.d",
    "/usr/lib/modprobe.d",
    "/lib/modprobe.d",
)
"""The first file of a name counts; /run is empty in an image."""

_PREVENTING_COMMANDS = frozenset({"false", "true", ":"})


def what_prevents(tree: GuestTree, module: str, kernel_options: str) -> str | None:
    """Where it stands that `module` is not loaded when its device appears; None where nothing does.

    `blacklist` ignores the module's aliases, and by one of those udev loads it. A module that is built in is
    not affected: do not ask for one.
    """
    for path in _files(tree):
        for line in (tree.read_text(path) or "").splitlines():
            if _prevents(line.split("#", 1)[0].split(), module):
                return f"{path}: {printable(line.strip())}"
    for option in kernel_options.split():
        found = re.fullmatch(r"(?:modprobe\.blacklist|module_blacklist|rd\.driver\.blacklist)=(.*)", option)
        if found and module in map(_normal, found[1].split(",")) and not option.startswith("rd."):
            return f"kernel command line: {printable(option)}"
    return None


def _files(tree: GuestTree) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for directory in CONFIGURATION_DIRECTORIES:
        for name in tree.names(directory):
            if name.endswith(".conf"):
                found.setdefault(name, posixpath.join(directory, name))
    return tuple(found[name] for name in sorted(found))


def _prevents(words: list[str], module: str) -> bool:
    if len(words) < 2 or _normal(words[1]) != module:
        return False
    if words[0] == "blacklist":
        return True
    is_install = words[0] == "install" and len(words) > 2
    return is_install and posixpath.basename(words[2]) in _PREVENTING_COMMANDS


def _normal(name: str) -> str:
    return name.replace("-", "_")
