"""Whether OpenRC starts anything that brings up the network.

Source: openrc-run(8) and OpenRC's users' guide: a service is started where a runlevel has it, or where
another one that is started needs it; `need net` starts what provides `net`.
"""

import re

from imgtool.guest.network_files.card import text_in
from imgtool.guest.tree import GuestTree
from imgtool.util.text import enumerated, printable

SCRIPTS = "/etc/init.d"
RUNLEVELS = ("sysinit", "boot", "default")
NETWORK = frozenset({"networking", "dhcpcd", "connman", "NetworkManager", "networkmanager", "iwd", "udhcpc"})
LOOPBACK = "net.lo"
_NEEDS_NET = re.compile(r"^[ \t]*need\b[^#\n]*\bnet\b", re.MULTILINE)


def openrc_problem(tree: GuestTree) -> str:
    """Why nothing brings up the network, in a clause; empty where something may, and without OpenRC."""
    installed = [name for name in tree.names(SCRIPTS) if _is_of_the_network(name)]
    started = [name for level in RUNLEVELS for name in tree.names(f"/etc/runlevels/{level}")]
    if not installed or not started or any(map(_is_of_the_network, started)):
        return ""
    if any(_NEEDS_NET.search(text_in(tree, f"{SCRIPTS}/{name}")) is not None for name in started):
        return ""
    return f"no runlevel has {enumerated([printable(name) for name in installed], ', ')}"


def _is_of_the_network(name: str) -> bool:
    return name in NETWORK or (name.startswith("net.") and name != LOOPBACK)
