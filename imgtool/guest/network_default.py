"""Whether the first network card of a Nova instance gets an address.

Sources: cloud-init's "Network configuration" (`network: {config: disabled}`, `network-config=disabled`; what
its files say counts more than what the datasource says: DataSource.network_config_sources); dracut.cmdline(7)
for `ip=`, which initramfs-tools heeds only for a root on the network. Only where it is sure that nothing asks
for an address it is said to stop.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from imgtool.guest.cloud_init.config import CloudConfig
from imgtool.guest.kernel_command_line import CommandLine
from imgtool.guest.network_files import Card, read_cards
from imgtool.guest.network_files.cloud import (
    MANAGER,
    NETWORKD,
    UPGRADED,
    chosen_renderer,
    cloud_cards,
    own_network,
)
from imgtool.guest.network_files.ifcfg import manager_reads_them
from imgtool.guest.network_files.ifupdown import ifupdown_problem
from imgtool.guest.network_files.names import card_names
from imgtool.guest.network_files.netplan import netplan_problem, netplan_renderer
from imgtool.guest.network_files.network_manager import makes_its_own
from imgtool.guest.network_files.openrc import openrc_problem
from imgtool.guest.service_rights import without_network
from imgtool.guest.service_setup import never_runs
from imgtool.guest.systemd import Machine, Unit
from imgtool.guest.systemd.start import StartedUnits
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Fact, Known
from imgtool.model.services import CloudInitFacts, Trouble
from imgtool.util.text import enumerated, printable

SERVICES = {
    "ifupdown": ("networking.service",),
    "networkd": (NETWORKD,),
    "NetworkManager": (MANAGER,),
    "ifcfg": (MANAGER, "network.service"),
    "wicked": ("wicked.service", "wickedd.service", "network.service"),
}
"""Which unit brings up what a program's files say. netplan starts networkd itself."""
OF_RENDERERS = {
    "eni": SERVICES["ifupdown"],
    "networkd": SERVICES["networkd"],
    "network-manager": SERVICES["NetworkManager"],
    "sysconfig": (*SERVICES["ifcfg"], "wicked.service", "wickedd.service"),
}
"""Which unit brings up what cloud-init writes, by its renderer."""
OF_ALL_CARDS = ("dhcpcd.service", "connman.service", "dhclient.service")
BY_SCRIPT = ("/etc/init.d/network", "/etc/init.d/networking")
CLOUD_INIT_S = "cloud-init"
BEFORE_CLOUD_INIT_S = "10-cloud-init"
"""Files of systemd-networkd whose names come before this one come before those that cloud-init writes."""
ASKING = frozenset({"dhcp", "on", "any", "auto6", "dhcp6"})
UNMASK = "`systemctl unmask` it, or take out of its unit what keeps it from starting"
REMEDY = "leave the network to cloud-init, or ask for DHCP for every card (`en*`)"


@dataclass(frozen=True, slots=True)
class NetworkBoot:
    """What is known of the boot."""

    command_line: CommandLine
    started: StartedUnits | None
    """None where init is not systemd."""
    initramfs: str | None = None
    """What made it, as far as that is known."""


@dataclass(frozen=True, slots=True)
class _Guest:
    """The guest with all that is asked of it here."""

    tree: GuestTree
    command_line: CommandLine
    started: StartedUnits | None
    config: CloudConfig | None
    cards: tuple[Card, ...]
    names: dict[str, str]
    initramfs: str | None

    def starts(self, units: Sequence[str]) -> bool:
        """Whether one of the units is started; yes where that is not known."""
        return self.started is None or any(self.started.unit(unit).starts is not False for unit in units)


def read_network_troubles(
    tree: GuestTree, boot: NetworkBoot, cloud: CloudInitFacts, config: Fact[CloudConfig]
) -> Known[tuple[Trouble, ...]]:
    """What keeps the card from its address, or might."""
    line, started = boot.command_line, boot.started
    machine = started.machine if started is not None else Machine(line)
    known = config.value if isinstance(config, Known) else None
    names = card_names(tree, line, machine)
    guest = _Guest(tree, line, started, known, read_cards(tree, machine), names, boot.initramfs)
    why_not = _why_not_cloud_init(guest, cloud)
    return _by_cloud_init(guest) if why_not is None else _by_files(guest, why_not)


def _why_not_cloud_init(guest: _Guest, cloud: CloudInitFacts) -> str | None:
    """Why cloud-init leaves the network alone; None where it configures it, or where that is not known."""
    if guest.command_line.plain_value("network-config") == "disabled":
        return "/proc/cmdline: network-config=disabled"
    if guest.config is not None and guest.config.get("network", "config") == "disabled":
        return f"{guest.config.where('network', 'config')}: network: {{config: disabled}}"
    if isinstance(cloud.enabled, Known) and not cloud.enabled.value:
        return "cloud-init does not run"
    return f"{UPGRADED} is there" if guest.tree.exists(UPGRADED) else None


# ---------------------------------------------------------------- what cloud-init writes


def _by_cloud_init(guest: _Guest) -> Known[tuple[Trouble, ...]]:
    started, config = guest.started, guest.config
    renderer = chosen_renderer(guest.tree, config, started) if started is not None else None
    ended = _ended(guest, started, renderer) if started is not None else openrc_problem(guest.tree) or None
    general = _for_all_cards(guest)
    served = list(guest.names) if general is not None else _served_by_files(guest)
    if ended is not None and len(served) < len(guest.names):
        message = "the instance has no network: what would read cloud-init's configuration does not run"
        return Known((Trouble("stops", message, ended, UNMASK),), ended)
    own = own_network(config) if config is not None else None
    if own is None or config is None:
        before = None if general is not None else _stands_before(guest, renderer)
        found = [before] if before is not None else _leftovers(guest.cards)
        return Known(tuple(found), "cloud-init configures the network of each instance")
    place = f"{config.where('network')}: network"
    cards = cloud_cards(own, config.where("network"), renderer)
    served = [name for name in guest.names if name in served or _asks(cards, name)]
    if len(served) == len(guest.names):
        return Known((), place)
    return Known((_trouble(guest.names, served, cards, f"{place} counts more than OpenStack's data"),), place)


def _ended(guest: _Guest, started: StartedUnits, renderer: str | None) -> str | None:
    """Why no program brings up what cloud-init writes, in clauses; None where one may."""
    tree = guest.tree
    if renderer is None:
        return _none_runs(tree, started)
    if renderer == "netplan":
        problem = netplan_problem(tree)
        if problem:
            return problem
        by = netplan_renderer(tree)
        units = SERVICES.get(by, ())
        return None if by != "networkd" and guest.starts(units) else _why_none(tree, started, units, by=by)
    if renderer == "eni" and (problem := ifupdown_problem(tree)):
        return problem
    units = OF_RENDERERS[renderer]
    return _why_none(tree, started, units)


def _why_none(tree: GuestTree, started: StartedUnits, units: Sequence[str], by: str = "") -> str | None:
    """Why none of the units is started and runs; netplan itself starts systemd-networkd."""
    reasons = []
    for name in units:
        unit = started.files.unit(name)
        if unit.state == "not-found":
            continue
        why = _no_use(tree, unit)
        state = started.unit(name)
        if not why and by != "networkd" and state.starts is False:
            why = state.reason
        if not why:
            return None
        reasons.append(why)
    return enumerated(reasons, "; ") if reasons else f"{' and '.join(units)}: not installed"


def _no_use(tree: GuestTree, unit: Unit) -> str:
    """Why the service brings up no card: it does not run, or has none of what that takes."""
    why = never_runs(tree, unit)
    cut_off = "" if why else without_network(unit)
    return f"{printable(unit.name)}: {cut_off}" if cut_off else why


def _none_runs(tree: GuestTree, started: StartedUnits) -> str | None:
    """Why no program reads what cloud-init writes: those that are installed are masked or fail, each one."""
    services = dict.fromkeys(service for services in SERVICES.values() for service in services)
    units = [started.files.unit(service) for service in services]
    installed = [unit for unit in units if unit.state != "not-found"]
    by_script = any(map(tree.exists, BY_SCRIPT))
    reasons = [_no_use(tree, unit) for unit in installed]
    return None if by_script or not reasons or not all(reasons) else enumerated(reasons, "; ")


def _stands_before(guest: _Guest, renderer: str | None) -> Trouble | None:
    """A file of systemd-networkd that takes the card before the one that cloud-init writes, without DHCP."""
    if renderer not in {"networkd", "netplan"}:
        return None
    before = [card for card in guest.cards if card.program == "networkd" and card.rank < BEFORE_CLOUD_INIT_S]
    first = [next((card for card in before if card.matches(name)), None) for name in guest.names]
    taken = [card for card in first if card is not None and not card.dhcp]
    if not taken or len(taken) < len(guest.names):
        return None
    message = "the instance has no network: a file of systemd-networkd stands before what cloud-init writes"
    return Trouble("stops", message, f"{taken[0].place} asks for no address", "take it out of the image")


def _leftovers(cards: Sequence[Card]) -> list[Trouble]:
    """Fixed addresses beside what cloud-init writes; those of vendors' files are for containers."""
    own = [card for card in cards if card.fixed and card.place.startswith("/etc/")]
    left = [card for card in own if CLOUD_INIT_S not in card.place]
    if not left:
        return []
    places = list(dict.fromkeys(card.place for card in left))
    message = "a fixed address of another machine stands beside what cloud-init configures"
    return [Trouble("waits", message, enumerated(places), "take these files out of the image")]


# ---------------------------------------------------------------- what the image's own files say


def _by_files(guest: _Guest, why_not: str) -> Known[tuple[Trouble, ...]]:
    general = _for_all_cards(guest)
    if general is not None:
        return Known((), general)
    served = _served_by_files(guest)
    if len(served) == len(guest.names):
        asking = [card.place for card in guest.cards if card.dhcp and _runs(card, guest)] or [
            f"{MANAGER} asks for every card"
        ]
        return Known((), enumerated(asking))
    problem = _problem(guest)
    if not guest.cards and not problem and not why_not.startswith("/"):
        return Known((), f"{why_not}; no configuration of the network that is known here")
    reason = f"{why_not}; {problem}" if problem else why_not
    return Known((_trouble(guest.names, served, guest.cards, reason),), why_not)


def _problem(guest: _Guest) -> str:
    """Why a program that would be started takes none of its files."""
    found = [netplan_problem(guest.tree)]
    if guest.started is None:
        found.append(openrc_problem(guest.tree))
    if guest.starts(SERVICES["ifupdown"]):
        found.append(ifupdown_problem(guest.tree))
    return "; ".join(filter(None, found))


def _runs(card: Card, guest: _Guest) -> bool:
    if guest.started is None:
        return not openrc_problem(guest.tree)
    if card.program == "netplan":
        own = SERVICES.get(card.renderer, ())
        if card.renderer != "networkd":
            return guest.starts(own)
        return _why_none(guest.tree, guest.started, own, by="networkd") is None
    units = SERVICES[card.program]
    if card.program == "ifcfg" and (card.renderer or not manager_reads_them(guest.tree)):
        units = units[1:]
    return guest.starts(units)


def _takes_any(guest: _Guest, running: Sequence[Card], name: str) -> bool:
    """Whether NetworkManager asks for an address for a card of this name, which no connection means."""
    if guest.started is None or not guest.starts((MANAGER,)) or not makes_its_own(guest.tree, name):
        return False
    return not any(card.program in {"NetworkManager", "ifcfg"} and card.matches(name) for card in running)


def _served_by_files(guest: _Guest) -> list[str]:
    """The names of cards for which a program that is started asks for an address."""
    running = [card for card in guest.cards if _runs(card, guest)]
    return [name for name in guest.names if _asks(running, name) or _takes_any(guest, running, name)]


def _for_all_cards(guest: _Guest) -> str | None:
    """What asks for an address whatever the card is called."""
    said = guest.command_line.value("ip")
    if said is not None and guest.initramfs != "initramfs-tools" and _asks_in_initramfs(said, guest.names):
        return f"the initramfs asks for an address: ip={printable(said)}"
    if guest.started is None:
        return None
    on = [unit for unit in OF_ALL_CARDS if guest.starts((unit,))]
    return f"{on[0]} asks for an address for every card" if on else None


def _asks_in_initramfs(said: str, names: dict[str, str]) -> bool:
    """`ip=METHOD`, `ip=CARD:METHOD`, or seven fields of which the last two are these."""
    fields = said.split(":")
    card, method = ("", fields[0]) if len(fields) == 1 else (fields[0], fields[1])
    if len(fields) > 6:
        card, method = fields[5], fields[6]
    return bool(ASKING.intersection(method.split(","))) and (not card or all(one == card for one in names))


def _asks(cards: Sequence[Card], name: str) -> bool:
    """Whether a card of this name gets its address by DHCP: of networkd's files the first counts."""
    first = next((card for card in cards if card.rank and card.matches(name)), None)
    if first is not None and first.dhcp:
        return True
    return any(card.dhcp and card.matches(name) for card in cards if not card.rank)


def _trouble(names: dict[str, str], served: list[str], cards: Sequence[Card], why_not: str) -> Trouble:
    found = [f"{card.place}: {' '.join(map(printable, card.names)) or 'by its address'}" for card in cards]
    evidence = f"{why_not}; {enumerated(found, '; ') or 'no file that configures a card'}"
    unserved = [name for name in names if name not in served]
    if served:
        where = enumerated([f"{name} ({names[name]})" for name in unserved])
        return Trouble("waits", f"a network card called {where} gets no address", evidence, REMEDY)
    message = f"the instance has no network: nothing asks for an address for {' or '.join(names)}"
    return Trouble("stops", message, evidence, REMEDY)
