"""The cards of systemd-networkd's .network files.

Source: systemd.network(5) of systemd 252. The first file by name that matches a card counts; of a name the
first directory that has it. Files of the same name with `.d` add to it.
"""

import posixpath
from collections.abc import Iterator

from imgtool.guest.network_files.card import Card, files_by_name, last, lines_in
from imgtool.guest.network_files.match import read_match
from imgtool.guest.systemd.conditions import Machine
from imgtool.guest.systemd.syntax import Line
from imgtool.guest.systemd.unit import as_boolean, first_by_name
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

DIRECTORIES = ("/etc/systemd/network", "/usr/local/lib/systemd/network", "/usr/lib/systemd/network")
OLD_WORDS = frozenset({"ipv4", "both", "v4"})
"""Values of DHCP= besides a yes that ask for an IPv4 address; the last two are of older versions."""
LEFT_DOWN = frozenset({"manual", "always-down", "down"})


def networkd_cards(tree: GuestTree, machine: Machine) -> Iterator[Card]:
    """What each file asks for the cards that it means."""
    for path in files_by_name(tree, DIRECTORIES, (".network",)):
        lines = with_drop_ins(tree, path)
        match = read_match(tree, machine, lines)
        if match is not None:
            said = (last(lines, "Network", "DHCP") or "no").lower()
            dhcp = (as_boolean(said) is True or said in OLD_WORDS) and not _is_left_alone(lines)
            fixed = any(line.key == "Address" and line.section in {"Network", "Address"} for line in lines)
            rank = posixpath.basename(path)
            yield Card("networkd", match.names, dhcp, fixed, printable(path), rank, match.excluded)


def _is_left_alone(lines: list[Line]) -> bool:
    unmanaged = as_boolean(last(lines, "Link", "Unmanaged") or "no") is True
    return unmanaged or (last(lines, "Link", "ActivationPolicy") or "up") in LEFT_DOWN


def with_drop_ins(tree: GuestTree, path: str) -> list[Line]:
    """The assignments of a file and of what is added to it."""
    name = f"{posixpath.basename(path)}.d"
    found = first_by_name(
        (entry, posixpath.join(directory, name, entry))
        for directory in DIRECTORIES
        for entry in tree.names(posixpath.join(directory, name))
        if entry.endswith(".conf")
    )
    return [line for part in (path, *found.values()) for line in lines_in(tree, part)]
