"""The network cards that a guest's own configuration brings up, and how, as each program reads its files.

Sources: interfaces(5) of ifupdown; netplan's YAML reference; systemd.network(5); nm-settings-keyfile(5) and
NetworkManager.conf(5); sysconfig.txt of Red Hat's initscripts; ifcfg(5) of SUSE.
"""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.release import shell_assignments
from imgtool.guest.systemd.syntax import Line, SyntaxProblemError, parse
from imgtool.guest.systemd.unit import as_boolean, first_by_name
from imgtool.guest.tree import GuestTree
from imgtool.guest.yaml_nodes import InvalidYamlError, at, strings, text_of, yaml_root
from imgtool.util.text import printable

MAX_FILE_BYTES = 256 << 10
MAX_FILES = 300
MAX_DEPTH = 10
INTERFACES = "/etc/network/interfaces"
NETPLAN = ("/etc/netplan", "/usr/lib/netplan", "/lib/netplan")
NETWORKD = ("/etc/systemd/network", "/usr/local/lib/systemd/network", "/usr/lib/systemd/network")
NM_CONNECTIONS = ("/etc/NetworkManager/system-connections", "/usr/lib/NetworkManager/system-connections")
NM_CONFIG = ("/etc/NetworkManager/conf.d", "/usr/lib/NetworkManager/conf.d")
IFCFG_RED_HAT, IFCFG_SUSE = "/etc/sysconfig/network-scripts", "/etc/sysconfig/network"
EVERY = "*"


@dataclass(frozen=True, slots=True)
class Card:
    """What one file says about one card, or about several."""

    program: str
    """ifupdown, netplan, networkd, NetworkManager, ifcfg."""
    names: tuple[str, ...]
    """Patterns of which one must match the card's name; none where it is known by its address."""
    dhcp: bool
    fixed: bool
    """It gets an address that stands there."""
    place: str

    def matches(self, name: str) -> bool:
        """Whether it means a card of this name."""
        return any(fnmatchcase(name, pattern) for pattern in self.names)


def read_cards(tree: GuestTree) -> tuple[Card, ...]:
    """The cards of all programs, whether these run or not; GuestReadError where a file cannot be read."""
    readers = (_ifupdown, _netplan, _networkd, _network_manager, _ifcfg)
    return tuple(card for read in readers for card in read(tree) if card.names != ("lo",))


def _text(tree: GuestTree, path: str) -> str:
    content = tree.read_bytes(path, MAX_FILE_BYTES) if tree.is_file(path) else None
    return (content or b"").decode("utf-8", "replace")


# ---------------------------------------------------------------- ifupdown


def _ifupdown(tree: GuestTree) -> Iterator[Card]:
    """A card comes up where it is in an `auto` or `allow-hotplug` line and has a stanza of its own."""
    lines = list(_interfaces(tree, INTERFACES, 0))
    started = {
        name
        for words, _ in lines
        if words[0] in {"auto", "allow-auto", "allow-hotplug"}
        for name in words[1:]
    }
    for words, place in lines:
        if words[0] == "iface" and len(words) >= 4 and words[2] == "inet":
            name = words[1]
            if name in started and name != "lo":
                pattern = name.removeprefix("/").split("=")[0].removesuffix("/")
                yield Card("ifupdown", (pattern,), words[3] == "dhcp", words[3] == "static", printable(place))


def _interfaces(tree: GuestTree, path: str, depth: int) -> Iterator[tuple[list[str], str]]:
    if depth > MAX_DEPTH:
        raise GuestReadError(f"{printable(path)}: files that name files, more than {MAX_DEPTH} deep")
    for line in _text(tree, path).replace("\\\n", " ").splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] in {"source", "source-directory"}:
            for found in _sourced(tree, path, words):
                yield from _interfaces(tree, found, depth + 1)
        else:
            yield words, path


def _sourced(tree: GuestTree, path: str, words: list[str]) -> Iterator[str]:
    for word in words[1:]:
        full = posixpath.join(posixpath.dirname(path), word)
        directory, pattern = (full, EVERY) if words[0] == "source-directory" else posixpath.split(full)
        for name in tree.names(directory)[:MAX_FILES]:
            if fnmatchcase(name, pattern) and tree.is_file(posixpath.join(directory, name)):
                yield posixpath.join(directory, name)


# ---------------------------------------------------------------- netplan


def _netplan(tree: GuestTree) -> Iterator[Card]:
    for path in _files(tree, NETPLAN, (".yaml", ".yml")):
        content = (tree.read_bytes(path, MAX_FILE_BYTES) if tree.is_file(path) else None) or b""
        try:
            ethernets = at(yaml_root(content, path), "network", "ethernets")
        except InvalidYamlError:
            continue
        yield from cards_of_ethernets(ethernets, "netplan", path)


def cards_of_ethernets(ethernets: object, program: str, path: str) -> Iterator[Card]:
    """The cards of a mapping of netplan's version 2."""
    for key, value in getattr(ethernets, "value", None) or ():
        name = text_of(key)
        if name is None:
            continue
        dhcp = any(as_boolean(text_of(at(value, one)) or "") is True for one in ("dhcp4", "dhcp6"))
        addresses = at(value, "addresses")
        fixed = addresses is not None and bool(strings(addresses))
        yield Card(program, _netplan_names(name, value), dhcp, fixed, printable(path))


def _netplan_names(name: str, value: object) -> tuple[str, ...]:
    match = at(value, "match")  # type: ignore[arg-type]
    if match is None:
        return (name,)
    named = text_of(at(match, "name"))
    if named is not None:
        return (named,)
    driver = text_of(at(match, "driver"))
    by_driver = driver is not None and fnmatchcase("virtio_net", driver)
    has_address = at(match, "macaddress") is not None
    return (EVERY,) if (by_driver or driver is None) and not has_address else ()


# ---------------------------------------------------------------- systemd-networkd


def _networkd(tree: GuestTree) -> Iterator[Card]:
    """The first file by name that matches a card counts; of a name the first directory that has it."""
    for path in _files(tree, NETWORKD, (".network",)):
        try:
            lines = list(parse(_text(tree, path), path))
        except SyntaxProblemError:
            continue
        names = _networkd_names(lines)
        if names is None:
            continue
        dhcp = (_last(lines, "Network", "DHCP") or "no").lower() in {"yes", "true", "on", "1", "ipv4", "both"}
        fixed = any(line.key == "Address" and line.section in {"Network", "Address"} for line in lines)
        yield Card("networkd", names, dhcp, fixed, printable(path))


def _networkd_names(lines: list[Line]) -> tuple[str, ...] | None:
    """Patterns; None of a file that means cards of another kind."""
    match = {line.key: line.value for line in lines if line.section == "Match"}
    kinds = match.get("Type", "ether").split()
    if "ether" not in kinds or "Kind" in match or as_boolean(match.get("Virtualization", "yes")) is False:
        return None
    if "MACAddress" in match or "PermanentMACAddress" in match:
        return ()
    driver = match.get("Driver")
    if driver is not None and not any(fnmatchcase("virtio_net", one) for one in driver.split()):
        return ()
    if "Name" in match:
        return tuple(one for one in match["Name"].split() if not one.startswith("!"))
    return (EVERY,) if match else ()


# ---------------------------------------------------------------- NetworkManager


def _network_manager(tree: GuestTree) -> Iterator[Card]:
    for path in _files(tree, NM_CONNECTIONS, ("",)):
        try:
            lines = list(parse(_text(tree, path), path))
        except SyntaxProblemError:
            continue
        kind = _last(lines, "connection", "type")
        if kind not in {"ethernet", "802-3-ethernet"}:
            continue
        if as_boolean(_last(lines, "connection", "autoconnect") or "yes") is False:
            continue
        named = _last(lines, "connection", "interface-name")
        by_address = any(line.key == "mac-address" for line in lines)
        names = () if by_address else (named or EVERY,)
        method = _last(lines, "ipv4", "method") or "auto"
        yield Card("NetworkManager", names, method == "auto", method == "manual", printable(path))


def makes_its_own(tree: GuestTree) -> bool:
    """Whether NetworkManager asks for an address for a card that no file means: `no-auto-default`."""
    paths = ["/etc/NetworkManager/NetworkManager.conf", *_files(tree, NM_CONFIG, (".conf",))]
    value = ""
    for path in paths:
        for line in _text(tree, path).splitlines():
            key, equals, said = line.partition("=")
            if equals and key.strip() == "no-auto-default":
                value = said.strip()
    return value not in {EVERY, "type:ethernet"}


# ---------------------------------------------------------------- ifcfg


def _ifcfg(tree: GuestTree) -> Iterator[Card]:
    for directory in (IFCFG_RED_HAT, IFCFG_SUSE):
        for name in tree.names(directory)[:MAX_FILES]:
            path = posixpath.join(directory, name)
            device = name.removeprefix("ifcfg-")
            if (
                name.startswith("ifcfg-")
                and device != "lo"
                and not device.endswith(("~", ".bak", ".rpmsave"))
            ):
                yield from _ifcfg_card(device, shell_assignments(_text(tree, path)), path)


def _ifcfg_card(device: str, said: Mapping[str, str], path: str) -> Iterator[Card]:
    off = as_boolean(said.get("ONBOOT", "yes")) is False or said.get("STARTMODE", "auto") in {"off", "manual"}
    if off or said.get("TYPE", "Ethernet").lower() != "ethernet":
        return
    method = said.get("BOOTPROTO", "none").lower()
    names = () if said.get("HWADDR") else (said.get("DEVICE") or device,)
    dhcp = method in {"dhcp", "dhcp4", "bootp", "dhcp+autoip"}
    fixed = not dhcp and any(key.startswith("IPADDR") for key in said)
    yield Card("ifcfg", names, dhcp, fixed, printable(path))


def _files(tree: GuestTree, directories: tuple[str, ...], endings: tuple[str, ...]) -> list[str]:
    """Return of each name the first directory that has it, in the order of the names."""
    found = first_by_name(
        (name, posixpath.join(directory, name))
        for directory in directories
        for name in tree.names(directory)
        if name.endswith(endings)
    )
    if len(found) > MAX_FILES:
        raise GuestReadError(f"{directories[0]}: more than {MAX_FILES} files")
    return [path for path in found.values() if tree.is_file(path)]


def _last(lines: list[Line], section: str, key: str) -> str | None:
    found = [line.value for line in lines if line.section == section and line.key == key]
    return found[-1] if found else None
