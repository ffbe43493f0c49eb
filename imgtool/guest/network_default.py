"""Whether the first network card of a Nova instance gets an address.

Sources: cloud-init's "Network configuration" (`network: {config: disabled}`, `network-config=disabled`; what
its files say counts more than what the datasource says: DataSource.network_config_sources);
systemd.net-naming-scheme(7) for the names of cards: a virtio card is ens3 on machine type pc and enp1s0 on
q35, eth0 with net.ifnames=0. Only where it is sure that nothing asks for an address it is said to stop.
"""

from collections.abc import Sequence

from imgtool.guest.cloud_init.config import CloudConfig
from imgtool.guest.kernel_command_line import CommandLine
from imgtool.guest.network_cards import Card, makes_its_own, read_cards
from imgtool.guest.service_setup import never_runs
from imgtool.guest.systemd.lookup import is_null
from imgtool.guest.systemd.start import StartedUnits
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Fact, Known
from imgtool.model.services import CloudInitFacts, Trouble
from imgtool.util.text import enumerated, printable

PREDICTABLE = {"ens3": "machine type pc", "enp1s0": "machine type q35"}
BY_ORDER = {"eth0": "any machine type"}
OLD_NAMES = (
    "/etc/udev/rules.d/80-net-setup-link.rules",
    "/etc/udev/rules.d/80-net-name-slot.rules",
    "/etc/systemd/network/99-default.link",
)
"""A link to /dev/null in one of these places leaves the kernel's names."""
SERVICES = {
    "ifupdown": ("networking.service",),
    "netplan": ("systemd-networkd.service", "NetworkManager.service"),
    "networkd": ("systemd-networkd.service",),
    "NetworkManager": ("NetworkManager.service",),
    "ifcfg": ("NetworkManager.service", "network.service", "wicked.service", "wickedd.service"),
}
"""Which unit brings up what a program's files say. netplan starts networkd itself."""
OF_ALL_CARDS = ("dhcpcd.service", "connman.service", "dhclient.service")
CLOUD_INIT_S = "cloud-init"
UNMASK = "`systemctl unmask` it, or take out of its unit what keeps it from starting"
REMEDY = "leave the network to cloud-init, or ask for DHCP for every card (`en*`)"


def read_network_troubles(
    tree: GuestTree,
    command_line: CommandLine,
    started: StartedUnits | None,
    cloud: CloudInitFacts,
    config: Fact[CloudConfig],
) -> Known[tuple[Trouble, ...]]:
    """What keeps the card from its address, or might."""
    cards = read_cards(tree)
    why_not = _why_not_cloud_init(command_line, cloud, config)
    if why_not is None:
        ended = _none_runs(tree, started) if started is not None else None
        if ended is not None and _for_all_cards(tree, command_line, started) is None:
            message = "the instance has no network: what would read cloud-init's configuration does not run"
            return Known((Trouble("stops", message, ended, UNMASK),), ended)
        return Known(tuple(_leftovers(cards)), "cloud-init configures the network of each instance")
    names = _names(tree, command_line)
    running = [card for card in cards if started is None or _runs(card, started)]
    general = _for_all_cards(tree, command_line, started)
    if general is not None:
        return Known((), general)
    served = [name for name in names if _asks(running, name)]
    if len(served) == len(names):
        return Known((), enumerated([card.place for card in running if card.dhcp]))
    if not cards and not why_not.startswith("/"):
        return Known((), f"{why_not}; no configuration of the network that is known here")
    return Known((_trouble(names, served, cards, why_not),), why_not)


def _why_not_cloud_init(
    command_line: CommandLine, cloud: CloudInitFacts, config: Fact[CloudConfig]
) -> str | None:
    """Why cloud-init leaves the network alone; None where it configures it, or where that is not known."""
    if command_line.plain_value("network-config") == "disabled":
        return "/proc/cmdline: network-config=disabled"
    if isinstance(config, Known) and config.value.get("network", "config") == "disabled":
        return f"{config.value.where('network', 'config')}: network: {{config: disabled}}"
    if isinstance(cloud.enabled, Known) and not cloud.enabled.value:
        return "cloud-init does not run"
    return None


def _none_runs(tree: GuestTree, started: StartedUnits) -> str | None:
    """Why no program reads what cloud-init writes: those that are installed are masked or fail, each one."""
    services = dict.fromkeys(service for services in SERVICES.values() for service in services)
    units = [started.files.unit(service) for service in services]
    installed = [unit for unit in units if unit.state != "not-found"]
    by_script = any(tree.exists(f"/etc/init.d/{name}") for name in ("network", "networking"))
    reasons = [never_runs(tree, unit) for unit in installed]
    return None if by_script or not reasons or not all(reasons) else enumerated(reasons, "; ")


def _names(tree: GuestTree, command_line: CommandLine) -> dict[str, str]:
    """The names that the card may have, and where it has them."""
    old = command_line.kernel_value("net.ifnames") == "0" or any(is_null(tree, path) for path in OLD_NAMES)
    has_udev = tree.is_directory("/usr/lib/systemd/network") or tree.is_directory("/lib/systemd/network")
    return BY_ORDER if old or not has_udev else PREDICTABLE


def _runs(card: Card, started: StartedUnits) -> bool:
    if card.program == "netplan":
        return True
    return any(started.files.unit(unit).name in started.names for unit in SERVICES[card.program])


def _for_all_cards(tree: GuestTree, command_line: CommandLine, started: StartedUnits | None) -> str | None:
    """What asks for an address whatever the card is called."""
    said = command_line.value("ip")
    if said is not None and said.split(":")[-1] in {"dhcp", "on", "any", "auto6", "dhcp6"}:
        return f"the initramfs asks for an address: ip={printable(said)}"
    if started is None:
        return None
    for unit in OF_ALL_CARDS:
        if started.files.unit(unit).name in started.names:
            return f"{unit} asks for an address for every card"
    manager = "NetworkManager.service"
    if started.files.unit(manager).name in started.names and makes_its_own(tree):
        return "NetworkManager asks for an address for every card that no file means"
    return None


def _asks(cards: Sequence[Card], name: str) -> bool:
    """Whether a card of this name gets its address by DHCP: of networkd's files the first counts."""
    for card in cards:
        if card.matches(name):
            if card.dhcp:
                return True
            if card.program == "networkd":
                return False
    return False


def _trouble(names: dict[str, str], served: list[str], cards: Sequence[Card], why_not: str) -> Trouble:
    found = [f"{card.place}: {' '.join(map(printable, card.names)) or 'by its address'}" for card in cards]
    evidence = f"{why_not}; {enumerated(found, '; ') or 'no file that configures a card'}"
    unserved = [name for name in names if name not in served]
    if served:
        where = enumerated([f"{name} ({names[name]})" for name in unserved])
        return Trouble("waits", f"a network card called {where} gets no address", evidence, REMEDY)
    message = f"the instance has no network: nothing asks for an address for {' or '.join(names)}"
    return Trouble("stops", message, evidence, REMEDY)


def _leftovers(cards: Sequence[Card]) -> list[Trouble]:
    """Fixed addresses beside what cloud-init writes; those of vendors' files are for containers."""
    own = [card for card in cards if card.fixed and card.place.startswith("/etc/")]
    left = [card for card in own if CLOUD_INIT_S not in card.place]
    if not left:
        return []
    places = list(dict.fromkeys(card.place for card in left))
    message = "a fixed address of another machine stands beside what cloud-init configures"
    return [Trouble("waits", message, enumerated(places), "take these files out of the image")]
