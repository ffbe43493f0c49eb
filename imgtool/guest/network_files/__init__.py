"""Who configures the guest's network cards by files of its own, as each program reads them.

card.py             what a file says about cards
ifupdown.py         /etc/network/interfaces
netplan.py          netplan's YAML
networkd.py         systemd's .network files; names.py: its .link files and udev's rules, which name cards
network_manager.py  NetworkManager's connections and settings
ifcfg.py            ifcfg files of Red Hat's and SUSE's systems
openrc.py           whether OpenRC starts what reads them
cloud.py            what cloud-init's own configuration asks for, and which renderer it takes
"""

from imgtool.guest.network_files.card import Card
from imgtool.guest.network_files.ifcfg import ifcfg_cards
from imgtool.guest.network_files.ifupdown import ifupdown_cards
from imgtool.guest.network_files.netplan import netplan_cards
from imgtool.guest.network_files.network_manager import manager_cards
from imgtool.guest.network_files.networkd import networkd_cards
from imgtool.guest.systemd.conditions import Machine
from imgtool.guest.tree import GuestTree

__all__ = ["Card", "read_cards"]


def read_cards(tree: GuestTree, machine: Machine) -> tuple[Card, ...]:
    """The cards of all programs, whether these run or not; GuestReadError where a file cannot be read.

    Those of systemd-networkd, and of netplan that writes for it, stand in the order in which it tries them.
    """
    netplan = netplan_cards(tree)
    networkd = sorted([*netplan, *networkd_cards(tree, machine)], key=lambda card: card.rank)
    others = [*ifupdown_cards(tree), *manager_cards(tree, machine), *ifcfg_cards(tree)]
    return tuple(card for card in [*networkd, *others] if card.names != ("lo",))
