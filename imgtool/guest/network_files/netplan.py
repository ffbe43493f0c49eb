"""The cards of netplan's YAML, and what netplan does not take.

Source: netplan(5) and what `netplan generate` of 0.106 writes for 44 files that were tried: it reads
`*.yaml` alone, of each name the first in /etc and /lib, merges key by key in the order of the names, and
writes nothing at all where one file is wrong. netplan 1.1 leaves a wrong file out at boot.
"""

from collections.abc import Iterator

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.network_files.card import DRIVER, EVERY, MAX_FILE_BYTES, Card, files_by_name, fits
from imgtool.guest.packages import installed_package, package_fact
from imgtool.guest.systemd.lookup import is_null
from imgtool.guest.tree import GuestTree
from imgtool.guest.version_order import version_key
from imgtool.guest.yaml_nodes import InvalidYamlError
from imgtool.guest.yaml_values import Scalar, Value, yaml_value
from imgtool.model.facts import Unknown
from imgtool.util.text import printable

DIRECTORIES = ("/etc/netplan", "/usr/lib/netplan", "/lib/netplan")
GENERATORS = tuple(
    f"{directory}/system-generators/netplan"
    for directory in ("/etc/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd", "/lib/systemd")
)
PACKAGES = ("netplan.io", "netplan-generator", "netplan")
PROGRAMS = ("/usr/sbin/netplan", "/sbin/netplan")
RENDERERS = ("networkd", "NetworkManager", "sriov")
FORGIVES_SINCE = "1.1"
MAX_LEVELS = 20

NETWORK_KEYS = frozenset(
    {
        *("version", "renderer", "ethernets", "modems", "wifis", "bonds", "bridges", "vlans"),
        *("tunnels", "vrfs", "dummy-devices", "virtual-ethernets", "nm-devices", "openvswitch"),
    }
)
CARD_KEYS = frozenset(
    {
        *("match", "set-name", "renderer", "accept-ra", "addresses", "critical", "dhcp4", "dhcp6"),
        *("dhcp-identifier", "dhcp4-overrides", "dhcp6-overrides", "ra-overrides", "gateway4"),
        *("gateway6", "ipv6-address-generation", "ipv6-address-token", "ipv6-mtu", "ipv6-privacy"),
        *("link-local", "macaddress", "mtu", "nameservers", "optional", "optional-addresses"),
        *("routes", "routing-policy", "neigh-suppress", "activation-mode", "ignore-carrier"),
        *("networkmanager", "openvswitch", "wakeonlan", "emit-lldp", "receive-checksum-offload"),
        *("transmit-checksum-offload", "tcp-segmentation-offload", "tcp6-segmentation-offload"),
        *("generic-segmentation-offload", "generic-receive-offload", "large-receive-offload", "link"),
        *("virtual-function-count", "embedded-switch-mode", "delay-virtual-functions-rebind"),
        *("infiniband-mode", "auth", "hairpin", "port-mac-learning"),
    }
)
MATCHES = frozenset({"name", "macaddress", "driver"})
FLAGS = ("dhcp4", "dhcp6", "optional", "critical", "accept-ra", "wakeonlan")
YES, NO = frozenset({"true", "yes", "on", "y"}), frozenset({"false", "no", "off", "n"})
WITH_MEMBERS = ("bridges", "bonds")

Mapped = dict[Scalar, Value]


class _WrongError(Exception):
    """netplan does not take the file."""


def netplan_cards(tree: GuestTree) -> Iterator[Card]:
    """The cards that its files mean together; none where it is not installed or takes none of them."""
    if not is_installed(tree) or netplan_problem(tree):
        return
    together, places = _together(tree)
    general = str(together.get("renderer") or "networkd")
    ethernets = _mapping(together.get("ethernets"))
    renderer = str(ethernets.get("renderer") or general)
    bound = _members(together)
    for key, value in ethernets.items():
        if isinstance(value, dict):
            name = str(key)
            settings = _mapping(bound.get(name)) or value
            by = str(value.get("renderer") or renderer)
            rank = f"10-netplan-{name}.network" if by == "networkd" else ""
            dhcp = is_yes(settings.get("dhcp4")) and settings.get("activation-mode") is None
            fixed = bool(settings.get("addresses"))
            place = printable(places.get(name, DIRECTORIES[0]))
            yield Card("netplan", card_names(name, value), dhcp, fixed, place, rank, renderer=by)


def is_installed(tree: GuestTree) -> bool:
    """Whether its generator runs at boot; a package database's word is enough where no program is seen."""
    generator = next((path for path in GENERATORS if tree.exists(path) or tree.is_link(path)), None)
    if generator is not None:
        return not is_null(tree, generator)
    if any(map(tree.exists, PROGRAMS)):
        return True
    if not any(tree.names(directory) for directory in DIRECTORIES):
        return False
    package = package_fact(tree, *PACKAGES)
    return isinstance(package, Unknown) or package.value is not None


def netplan_problem(tree: GuestTree) -> str:
    """Why it writes nothing, in a clause; empty where it does.

    Raises GuestReadError where that depends on its version, which is not known.
    """
    found = next((wrong for path in _paths(tree) if (wrong := _mistake(tree, path))), "")
    if not found or not is_installed(tree):
        return ""
    return f"{found}: netplan writes nothing" if not _forgives(tree) else ""


def netplan_renderer(tree: GuestTree) -> str:
    """What its files write for together, where they do not say it of a card."""
    together, _ = _together(tree)
    return str(together.get("renderer") or RENDERERS[0])


def _forgives(tree: GuestTree) -> bool:
    package = installed_package(tree, *PACKAGES)
    if package is None:
        raise GuestReadError("a file of netplan is wrong: whether its version leaves it out is not known")
    return version_key(package.version) >= version_key(FORGIVES_SINCE)


def _paths(tree: GuestTree) -> list[str]:
    return files_by_name(tree, DIRECTORIES, (".yaml",))


def _together(tree: GuestTree) -> tuple[Mapped, dict[str, str]]:
    """What stands below `network`, and the last file that says something of each card."""
    result: Mapped = {}
    places: dict[str, str] = {}
    for path in _paths(tree):
        if not _mistake(tree, path):
            network = _network(tree, path)
            places |= {str(key): path for key in _mapping(network.get("ethernets"))}
            result = _over(result, network, 0)
    return result, places


def _network(tree: GuestTree, path: str) -> Mapped:
    top = yaml_value(tree.read_bytes(path, MAX_FILE_BYTES) or b"", printable(path))
    return _mapping(_mapping(top).get("network"))


def _over(below: Mapped, above: Mapped, level: int) -> Mapped:
    if level > MAX_LEVELS:
        raise GuestReadError(f"netplan's files have more than {MAX_LEVELS} levels")
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = (
            _over(old, value, level + 1) if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return merged


def _members(together: Mapped) -> dict[str, Value]:
    """The card that is part of a bridge or a bond, and that one's settings, which get the address."""
    found: dict[str, Value] = {}
    for kind in WITH_MEMBERS:
        for settings in _mapping(together.get(kind)).values():
            members = _mapping(settings).get("interfaces")
            found |= {str(name): settings for name in (members if isinstance(members, list) else ())}
    return found


def card_names(key: str, settings: Mapped) -> tuple[str, ...]:
    """The patterns of names that a definition means."""
    if "match" not in settings:
        return (key,)
    match = _mapping(settings["match"])
    if not match:
        raise GuestReadError(
            f"netplan: {printable(key)}: an empty match, which its versions take differently"
        )
    drivers = match.get("driver", DRIVER)
    patterns = [str(one) for one in (drivers if isinstance(drivers, list) else [drivers])]
    if "macaddress" in match or not fits(DRIVER, patterns):
        return ()
    return (str(match.get("name", EVERY)),)


def is_yes(value: Value) -> bool:
    """Whether netplan takes a value for a yes."""
    return value is True or str(value).lower() in YES


def _mapping(value: Value) -> Mapped:
    return value if isinstance(value, dict) else {}


# ---------------------------------------------------------------- what is wrong


def _mistake(tree: GuestTree, path: str) -> str:
    """Why netplan does not take the file; empty where it does, as far as is looked at here."""
    try:
        content = tree.read_bytes(path, MAX_FILE_BYTES) or b""
        if any(line.lstrip(b" ").startswith(b"\t") for line in content.splitlines()):
            return f"{printable(path)}: tabs before a line"
        _judge(yaml_value(content, printable(path)))
    except InvalidYamlError as error:
        return str(error)
    except _WrongError as error:
        return f"{printable(path)}: {error}"
    return ""


def _judge(top: Value) -> None:
    if top is None:
        return
    for key, network in _checked(top, frozenset({"network"})).items():
        settings = _checked(network, NETWORK_KEYS)
        if settings.get("version", 2) != 2:
            raise _WrongError("another version than 2")
        _judge_renderer(settings, str(key))
        for name, card in _checked(settings.get("ethernets", {}), None).items():
            if name == "renderer":
                _judge_renderer(_mapping(settings["ethernets"]), "ethernets")
            else:
                _judge_card(str(name), card)


def _judge_card(name: str, value: Value) -> None:
    card = _checked(value, CARD_KEYS, name)
    _judge_renderer(card, name)
    _checked(card.get("match", {}), MATCHES, name)
    for key in FLAGS:
        said = card.get(key, False)
        if not isinstance(said, bool) and str(said).lower() not in YES | NO:
            raise _WrongError(f"{printable(name)}: {key}: {printable(str(said))} is no boolean")
    if "set-name" in card and not card.get("match"):
        raise _WrongError(f"{printable(name)}: set-name without match")
    addresses = card.get("addresses") or []
    if not isinstance(addresses, list) or any("/" not in str(_address(one)) for one in addresses):
        raise _WrongError(f"{printable(name)}: an address without /prefixlength")


def _address(item: Value) -> Value:
    return next(iter(item), "") if isinstance(item, dict) else item


def _judge_renderer(settings: Mapped, where: str) -> None:
    said = settings.get("renderer", RENDERERS[0])
    if said not in RENDERERS:
        raise _WrongError(f"{printable(where)}: unknown renderer {printable(str(said))}")


def _checked(value: Value, known: frozenset[str] | None, where: str = "") -> Mapped:
    prefix = f"{printable(where)}: " if where else ""
    if not isinstance(value, dict):
        raise _WrongError(f"{prefix}no mapping where one must be (its indentation?)")
    wrong = next((key for key in value if known is not None and key not in known), None)
    if wrong is not None:
        raise _WrongError(f"{prefix}unknown key {printable(str(wrong))}")
    return value
