"""What cloud-init itself would write of the network, and for which program.

Source: cloudinit/stages.py (_find_networking_config: what its own files say of `network` counts more than the
datasource), cloudinit/net/renderers.py with `available` of each renderer, cloudinit/net/network_state.py
and wait_for_physdevs of cloudinit/distros/networking.py (a hardware address that no card has ends the
stage), as of 22.4.
"""

from collections.abc import Callable, Iterator, Sequence

from imgtool.guest.cloud_init.config import CloudConfig
from imgtool.guest.network_files import netplan
from imgtool.guest.network_files.card import Card
from imgtool.guest.systemd.start import StartedUnits
from imgtool.guest.tree import GuestTree
from imgtool.guest.yaml_values import Scalar, Value
from imgtool.util.text import printable

UPGRADED = "/var/lib/cloud/data/upgraded-network"
"""Where this file is, cloud-init leaves the network alone."""
PRIORITY = ("eni", "sysconfig", "netplan", "network-manager", "networkd")
MANAGER, NETWORKD = "NetworkManager.service", "systemd-networkd.service"
MANAGER_CONFIG = "/etc/NetworkManager/NetworkManager.conf"
SYSCONFIG = (
    "/etc/sysconfig/network-scripts/network-functions",
    "/etc/sysconfig/config",
    "/etc/sysconfig/network/config",
    "/etc/sysconfig/network/scripts/functions.netconfig",
)
"""One of these tells that ifup is Red Hat's or SUSE's; the last two are what SUSE's package looks for."""
DHCP_SUBNETS = frozenset({"dhcp", "dhcp4"})
MAX_CARDS = 200

Mapped = dict[Scalar, Value]


def own_network(config: CloudConfig) -> Mapped | None:
    """What its files say of the network, which is not that it is off; None where the datasource decides."""
    value = config.get("network")
    inner = value.get("network", value) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) and inner and inner.get("config") != "disabled" else None


def cloud_cards(network: Mapped, place: str, renderer: str | None) -> tuple[Card, ...]:
    """The cards of its own configuration, version 1 or 2; none where it has another one, and fails."""
    version = network.get("version")
    if version == 1:
        items = network.get("config")
        found = _of_version_1(items if isinstance(items, list) else [], place)
    elif version == 2:
        found = _of_version_2(network, place, renderer)
    else:
        return ()
    return tuple(found)


def _of_version_1(items: list[Value], place: str) -> Iterator[Card]:
    for item in items[:MAX_CARDS]:
        if not isinstance(item, dict) or item.get("type") != "physical":
            continue
        subnets = item.get("subnets")
        listed = subnets if isinstance(subnets, list) else []
        kinds = [str(one.get("type")) for one in listed if isinstance(one, dict)]
        names = () if item.get("mac_address") else (str(item.get("name")),)
        dhcp = not DHCP_SUBNETS.isdisjoint(kinds)
        yield Card("cloud-init", names, dhcp, "static" in kinds, printable(place))


def _of_version_2(network: Mapped, place: str, renderer: str | None) -> Iterator[Card]:
    ethernets = network.get("ethernets")
    for key, settings in ethernets.items() if isinstance(ethernets, dict) else ():
        if isinstance(settings, dict):
            name = str(settings.get("set-name") or key)
            names = netplan.card_names(str(key), settings)
            if names and renderer not in {"netplan", None}:
                names = (name,)  # the others know a card by its name alone
            dhcp, fixed = netplan.is_yes(settings.get("dhcp4")), bool(settings.get("addresses"))
            yield Card("cloud-init", names, dhcp, fixed, printable(place))


# ---------------------------------------------------------------- renderers


def chosen_renderer(tree: GuestTree, config: CloudConfig | None, started: StartedUnits) -> str | None:
    """The first renderer of the list whose programs are there; None where there is none."""
    listed = config.get("system_info", "network", "renderers") if config is not None else None
    names = [str(one) for one in listed] if isinstance(listed, list) else list(PRIORITY)
    return next((name for name in names if name in _AVAILABLE and _AVAILABLE[name](tree, started)), None)


def _have(tree: GuestTree, programs: Sequence[str], directories: Sequence[str]) -> bool:
    return all(any(tree.is_executable(f"{one}/{name}") for one in directories) for name in programs)


def _eni(tree: GuestTree, _started: StartedUnits) -> bool:
    there = _have(tree, ("ifquery", "ifup", "ifdown"), ("/sbin", "/usr/sbin"))
    return there and tree.is_file("/etc/network/interfaces")


def _sysconfig(tree: GuestTree, _started: StartedUnits) -> bool:
    there = _have(tree, ("ifup", "ifdown"), ("/sbin", "/usr/sbin"))
    return there and any(map(tree.is_file, SYSCONFIG))


def _netplan(tree: GuestTree, _started: StartedUnits) -> bool:
    return _have(tree, ("netplan",), ("/usr/sbin", "/sbin"))


def _network_manager(tree: GuestTree, started: StartedUnits) -> bool:
    is_on = started.files.unit(MANAGER).name in started.names
    return tree.is_file(MANAGER_CONFIG) and _have(tree, ("nmcli",), ("/usr/bin", "/bin")) and is_on


def _networkd(tree: GuestTree, _started: StartedUnits) -> bool:
    return _have(tree, ("ip", "systemctl"), ("/usr/sbin", "/sbin", "/usr/bin", "/bin"))


_AVAILABLE: dict[str, Callable[[GuestTree, StartedUnits], bool]] = {
    "eni": _eni,
    "sysconfig": _sysconfig,
    "netplan": _netplan,
    "network-manager": _network_manager,
    "networkd": _networkd,
}
