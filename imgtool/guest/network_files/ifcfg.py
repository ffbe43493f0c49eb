"""The cards of ifcfg files.

Source: sysconfig.txt of Red Hat's initscripts and nm-settings-ifcfg-rh(5), whose plugin newer systems have no
more; ifcfg(5) of SUSE, whose files wicked reads.
"""

import posixpath
from collections.abc import Iterator, Mapping

from imgtool.guest.network_files.card import MAX_FILES, Card, text_in
from imgtool.guest.release import shell_assignments
from imgtool.guest.systemd.unit import as_boolean
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

RED_HAT, SUSE = "/etc/sysconfig/network-scripts", "/etc/sysconfig/network"
IGNORED = ("~", ".bak", ".orig", ".rej", ".rpmnew", ".rpmsave", ".augnew", ".augtmp")
DHCP = frozenset({"dhcp", "dhcp4", "bootp", "dhcp+autoip"})
LEFT_DOWN = frozenset({"off", "manual", "ifplugd"})
MANAGER_LIBRARIES = ("/usr/lib64/NetworkManager", "/usr/lib/NetworkManager")
PLUGIN = "libnm-settings-plugin-ifcfg-rh.so"
MAX_VERSIONS = 20


def ifcfg_cards(tree: GuestTree) -> Iterator[Card]:
    """Cards that come up at boot."""
    for directory in (RED_HAT, SUSE):
        for name in tree.names(directory)[:MAX_FILES]:
            device = name.removeprefix("ifcfg-")
            if name.startswith("ifcfg-") and device != "lo" and not device.endswith(IGNORED):
                path = posixpath.join(directory, name)
                said = shell_assignments(text_in(tree, path))
                yield from _card(device, said, path, "wicked" if directory == SUSE else "ifcfg")


def manager_reads_them(tree: GuestTree) -> bool:
    """Whether NetworkManager has its plugin for them; yes where its libraries are not there at all."""
    versions = [
        posixpath.join(directory, name)
        for directory in MANAGER_LIBRARIES
        for name in tree.names(directory)[:MAX_VERSIONS]
        if name[:1].isdigit()
    ]
    return not versions or any(tree.is_file(posixpath.join(one, PLUGIN)) for one in versions)


def _card(device: str, said: Mapping[str, str], path: str, program: str) -> Iterator[Card]:
    off = as_boolean(said.get("ONBOOT", "yes")) is False or said.get("STARTMODE", "auto") in LEFT_DOWN
    if said.get("TYPE", "Ethernet").lower() != "ethernet":
        return
    method = said.get("BOOTPROTO", "none").lower()
    names = () if said.get("HWADDR") else (said.get("DEVICE") or device,)
    dhcp = method in DHCP and not off
    fixed = method not in DHCP and not off and any(key.startswith("IPADDR") for key in said)
    by_hand = as_boolean(said.get("NM_CONTROLLED", "yes")) is False
    renderer = "network.service" if by_hand else ""
    yield Card(program, names, dhcp, fixed, printable(path), renderer=renderer)
