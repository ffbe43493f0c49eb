"""Which of the kernel's rights a unit leaves to its service: systemd.exec(5), capabilities(7).

config_parse_capability_set and config_parse_address_families of systemd's load-fragment.c;
tests/integration/test_service_setup.py asks a running systemd.
"""

from imgtool.guest.systemd import Unit
from imgtool.guest.systemd.unit import split_words
from imgtool.util.text import printable

ROOT = frozenset({"", "root", "0"})
FAMILIES = ("AF_NETLINK", "AF_INET")
"""What asks for an address takes: the kernel's interfaces, and a socket for DHCP."""


def without_capability(unit: Unit, name: str) -> str:
    """What takes the capability `name` from the service, in a clause; empty where it has it."""
    if unit.flag("Service", "PrivateUsers", default=False):
        return f"PrivateUsers= leaves it no {name} that counts"
    if not _is_in_set(unit, "CapabilityBoundingSet", name, default=True):
        return f"CapabilityBoundingSet= takes {name} from it"
    user = unit.text("Service", "User")
    if user not in ROOT and not _is_in_set(unit, "AmbientCapabilities", name, default=False):
        return f"AmbientCapabilities= gives User={printable(user)} no {name}"
    return ""


def without_network(unit: Unit) -> str:
    """What keeps the service from setting up network cards, in a clause; empty where nothing does."""
    return without_sockets(unit, *FAMILIES) or without_capability(unit, "CAP_NET_ADMIN")


def without_sockets(unit: Unit, *families: str) -> str:
    """What keeps it from the machine's network, or from a family of addresses; empty where nothing does."""
    if unit.flag("Service", "PrivateNetwork", default=False):
        return "PrivateNetwork= gives it a network of its own"
    lost = next((one for one in families if not _is_allowed(unit, one)), None)
    return "" if lost is None else f"RestrictAddressFamilies= takes {lost} from it"


def _is_in_set(unit: Unit, key: str, name: str, *, default: bool) -> bool:
    """Whether it is in the set in the end. Lines add up; an empty one, and the first, replace what was."""
    has, is_first = default, True
    for line in unit.lines:
        if line.section != "Service" or line.key != key:
            continue
        is_inverted = line.value.startswith("~")
        words = split_words(line.value.removeprefix("~"))
        named = any(word.upper() == name for word in words)
        if is_first or not words:
            has = named != is_inverted
        elif named:
            has = not is_inverted
        is_first = False
    return has


def _is_allowed(unit: Unit, family: str) -> bool:
    """The first line says whether the others are allowed; an empty one takes back all before it."""
    values = [value.text for value in unit.values("Service", "RestrictAddressFamilies")]
    if not values:
        return True
    allows = not values[0].startswith("~")
    listed = False
    for text in values:
        if family in split_words(text.removeprefix("~")):
            listed = text.startswith("~") != allows
    return listed == allows
