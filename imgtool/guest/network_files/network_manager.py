"""The cards of NetworkManager's connections, and those that it takes without one.

Source: nm-settings-keyfile(5) and NetworkManager.conf(5) of NetworkManager 1.42; its
nms-keyfile-utils.c: a connection that others than root may read is left out.
"""

import posixpath
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from imgtool.guest.network_files.card import DRIVER, EVERY, Card, files_by_name, last, lines_in, text_in
from imgtool.guest.network_files.ifupdown import names_in_interfaces
from imgtool.guest.systemd.conditions import Machine
from imgtool.guest.systemd.syntax import Line
from imgtool.guest.systemd.unit import as_boolean
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

OWN, VENDORS = "/etc/NetworkManager/system-connections", "/usr/lib/NetworkManager/system-connections"
CONFIG = "/etc/NetworkManager/NetworkManager.conf"
VENDORS_CONFIG, OWN_CONFIG = "/usr/lib/NetworkManager/conf.d", "/etc/NetworkManager/conf.d"
IGNORED = ("~", ".bak", ".orig", ".rej", ".rpmnew", ".rpmsave", ".augnew", ".augtmp", ".pacnew", ".pacsave")
OF_OTHERS = 0o077
"""Permissions with which a connection is "insecure"."""
ETHERNET = frozenset({"ethernet", "802-3-ethernet"})


def manager_cards(tree: GuestTree, machine: Machine) -> Iterator[Card]:
    """What each connection asks for; one that does not come up by itself keeps another from being made."""
    if manages_nothing(tree):
        return
    left_alone = tuple(_left_to_ifupdown(tree))
    for path in files_by_name(tree, (OWN, VENDORS), ("",)):
        if not is_read(tree, path):
            continue
        lines = lines_in(tree, path)
        if last(lines, "connection", "type") not in ETHERNET:
            continue
        on = as_boolean(last(lines, "connection", "autoconnect") or "yes") is not False
        names, excluded = _names(lines, machine)
        method = last(lines, "ipv4", "method") or "auto"
        dhcp, fixed = on and method == "auto", on and method == "manual"
        yield Card("NetworkManager", names, dhcp, fixed, printable(path), "", (*excluded, *left_alone))


def is_read(tree: GuestTree, path: str) -> bool:
    """Whether NetworkManager takes this file for a connection."""
    name = posixpath.basename(path)
    of_vendor = posixpath.dirname(path) == VENDORS
    if name.startswith(".") or name.endswith(IGNORED) or (of_vendor and not name.endswith(".nmconnection")):
        return False
    return not (tree.permissions(path) or 0) & OF_OTHERS


def _names(lines: list[Line], machine: Machine) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names that a connection means, and names that it does not."""
    if last(lines, "ethernet", "mac-address") or last(lines, "802-3-ethernet", "mac-address"):
        return (), ()
    drivers = _list(last(lines, "match", "driver"))
    if drivers and not _among(DRIVER, drivers):
        return (), ()
    options = _list(last(lines, "match", "kernel-command-line"))
    if not all(_has_option(machine, one) for one in options):
        return (), ()
    if last(lines, "match", "path"):
        return (), ()
    own = last(lines, "connection", "interface-name")
    patterns = _list(last(lines, "match", "interface-name"))
    wanted = tuple(one.lstrip("&|") for one in patterns if not one.lstrip("&|").startswith("!"))
    excluded = tuple(one.lstrip("&|!") for one in patterns if one.lstrip("&|").startswith("!"))
    return ((own,) if own else wanted or (EVERY,)), excluded


def _has_option(machine: Machine, option: str) -> bool:
    wanted = option.lstrip("&|!")
    there = any(wanted in {word, word.partition("=")[0]} for word in machine.command_line.words)
    return there is not option.lstrip("&|").startswith("!")


def _among(text: str, patterns: Sequence[str]) -> bool:
    wanted = [one for one in patterns if not one.startswith("!")]
    refused = [one[1:] for one in patterns if one.startswith("!")]
    return (not wanted or any(fnmatchcase(text, one) for one in wanted)) and text not in refused


def _list(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").replace(",", ";").split(";") if word.strip()]


# ---------------------------------------------------------------- NetworkManager.conf


def makes_its_own(tree: GuestTree, name: str) -> bool:
    """Whether NetworkManager asks for an address for a card of this name that no connection means."""
    if name in _left_to_ifupdown(tree) or manages_nothing(tree):
        return False
    return not _is_listed(_setting(tree, "main", "no-auto-default"), name)


def _left_to_ifupdown(tree: GuestTree) -> frozenset[str]:
    """Cards that its plugin `ifupdown` of Debian leaves alone."""
    plugins = _list(_setting(tree, "main", "plugins"))
    if "ifupdown" not in plugins or as_boolean(_setting(tree, "ifupdown", "managed") or "no"):
        return frozenset()
    return names_in_interfaces(tree)


def manages_nothing(tree: GuestTree) -> bool:
    """Whether no card is left to it: `unmanaged-devices=*`, or `managed=0` of a section for every device."""
    if _is_listed(_setting(tree, "keyfile", "unmanaged-devices"), EVERY):
        return True
    sections = {name for name, _, _ in _settings(tree) if name.startswith("device")}
    return any(
        as_boolean(_setting(tree, name, "managed") or "yes") is False
        and _is_listed(_setting(tree, name, "match-device") or EVERY, EVERY)
        for name in sections
    )


def _is_listed(text: str, name: str) -> bool:
    """Whether a list of devices means a card of this name."""
    words = _list(text)
    if any(_means(word.removeprefix("except:"), name) for word in words if word.startswith("except:")):
        return False
    return any(_means(word, name) for word in words if not word.startswith("except:"))


def _means(word: str, name: str) -> bool:
    kind, colon, value = word.partition(":")
    if not colon:
        return word == EVERY
    if kind == "interface-name":
        return fnmatchcase(name, value.removeprefix("=").removeprefix("~"))
    return (kind == "type" and value == "ethernet") or (kind == "driver" and fnmatchcase(DRIVER, value))


def _setting(tree: GuestTree, section: str, key: str) -> str:
    """What the files say together; `+=` adds."""
    value = ""
    for here, name, said in _settings(tree):
        if here == section and name in {key, f"{key}+"}:
            value = f"{value};{said}" if name.endswith("+") else said
    return value


def _settings(tree: GuestTree) -> Iterator[tuple[str, str, str]]:
    """Section, key and value of each line: of the vendor's files, the main one, those in /etc."""
    both = files_by_name(tree, (OWN_CONFIG, VENDORS_CONFIG), (".conf",))
    vendors = [path for path in both if path.startswith(VENDORS_CONFIG)]
    for path in (*vendors, CONFIG, *(path for path in both if path not in vendors)):
        section = ""
        for line in text_in(tree, path).splitlines():
            text = line.strip()
            name, equals, said = text.partition("=")
            if text.startswith("["):
                section = text.strip("[]")
            elif equals and not text.startswith("#"):
                yield section, name.strip(), said.strip()
