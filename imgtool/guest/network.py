"""What ties an interface to one machine's hardware address.

Sources: udev(7); ifcfg(5) of SUSE and sysconfig.txt of Red Hat's initscripts; netplan's YAML reference;
systemd.link(5) and systemd.network(5); nm-settings-keyfile(5); interfaces(5); nameif(8), ifrename(8);
"Networking config" of cloud-init, version 1 and 2.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from imgtool.guest.fact import MAX_LISTED
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Known
from imgtool.util.text import enumerated, printable

MAX_FILE_BYTES = 64 << 10
MAX_FILES = 500
_MAC = r"[\"']?(?:[0-9A-Fa-f]{1,2}[:-]){5}[0-9A-Fa-f]{1,2}\b"
"""Six octets in full: a pattern such as `?*`, or a word such as `random`, pins nothing."""


@dataclass(frozen=True, slots=True)
class Place:
    """Files of one kind, and what in a line of theirs names a hardware address."""

    directory: str
    names: re.Pattern[str]
    line: re.Pattern[str]


def _place(directory: str, names: str, line: str) -> Place:
    return Place(directory, re.compile(names), re.compile(line + _MAC, re.IGNORECASE))


_UDEV = r"^(?!.*\bSUBSYSTEMS?==\"(?!net\")).*(?:ATTRS?|SYSFS)\{address\}=="
_IFCFG = r"^\s*(?:HWADDR|MACADDR|LLADDR)\s*="
_NETPLAN = r"\bmacaddress[\"']?\s*:\s*"
_NETWORKD = r"^\s*(?:Permanent)?MACAddress\s*=\s*"
_KEYFILE = r"^\s*(?:cloned-)?mac-address\s*=\s*"
_INTERFACES = r"^\s*hwaddress\s+(?:ether\s+)?"
_CLOUD = r"\bmac_?address[\"']?\s*:\s*"
"""cloud-init's own network configuration, of version 1 and 2."""
_TABLE = r"^\S+\s+(?:mac\s+)?"
"""nameif(8), ifrename(8): a name and an address."""

PLACES = (
    _place("/etc/udev/rules.d", r".*\.rules", _UDEV),
    _place("/usr/lib/udev/rules.d", r".*persistent-net.*\.rules", _UDEV),
    _place("/etc", r"mactab|iftab", _TABLE),
    _place("/etc/cloud", r"cloud\.cfg", _CLOUD),
    _place("/etc/cloud/cloud.cfg.d", r".*\.cfg", _CLOUD),
    _place("/etc/sysconfig/network-scripts", r"ifcfg-.*", _IFCFG),
    _place("/etc/sysconfig/network", r"ifcfg-.*", _IFCFG),
    _place("/etc/netplan", r".*\.yaml", _NETPLAN),
    _place("/usr/lib/netplan", r".*\.yaml", _NETPLAN),
    _place("/etc/systemd/network", r".*\.(?:link|network)", _NETWORKD),
    _place("/usr/lib/systemd/network", r".*\.(?:link|network)", _NETWORKD),
    _place("/etc/NetworkManager/system-connections", r".*", _KEYFILE),
    _place("/usr/lib/NetworkManager/system-connections", r".*", _KEYFILE),
    _place("/etc/network", r"interfaces", _INTERFACES),
    _place("/etc/network/interfaces.d", r".*", _INTERFACES),
)
BACKUP = re.compile(r".*(?:~|\.(?:bak|orig|old|rpmsave|rpmnew|rpmorig))|ifcfg-lo")
"""Names that the programs which read these directories pass over."""


def read_pinned_macs(tree: GuestTree) -> Known[tuple[str, ...]]:
    """Guest paths of the files that do, each with the line in the evidence."""
    found = dict(islice(_pinning(tree), MAX_LISTED))
    evidence = enumerated([f"{path}: {line}" for path, line in found.items()], "; ")
    return Known(tuple(found), evidence or "no configuration of the network names a hardware address")


def _pinning(tree: GuestTree) -> Iterator[tuple[str, str]]:
    for place in PLACES:
        names = [name for name in tree.names(place.directory) if place.names.fullmatch(name)]
        if len(names) > MAX_FILES:
            raise GuestReadError(f"{place.directory}: more than {MAX_FILES} files")
        for name in names:
            path = posixpath.join(place.directory, name)
            line = None if BACKUP.fullmatch(name) else _line(tree, path, place.line)
            if line is not None:
                yield printable(path), printable(line)


def _line(tree: GuestTree, path: str, pattern: re.Pattern[str]) -> str | None:
    """The first line that names a hardware address; comments do not count."""
    content = tree.read_bytes(path, MAX_FILE_BYTES) or b""
    lines = (line.strip() for line in content.decode("utf-8", "replace").splitlines())
    return next((one for one in lines if not one.startswith(("#", ";")) and pattern.search(one)), None)
