"""The name that the first network card of a Nova instance gets.

Source: systemd.link(5) and systemd.net-naming-scheme(7) of systemd 252: the first .link file by name that
matches counts; of NamePolicy= the first word that gives a name, else Name=, else the kernel's own name. A
virtio card has ens3 by its slot and enp0s3 by its path on machine type pc, enp1s0 by both on q35.
udev(7): a rule's NAME= stands above them; 80-net-setup-link.rules applies them.
"""

import posixpath
from fnmatch import fnmatchcase

from imgtool.guest.kernel_command_line import CommandLine
from imgtool.guest.network_files.card import DRIVER, files_by_name, last, text_in
from imgtool.guest.network_files.match import read_match
from imgtool.guest.network_files.networkd import DIRECTORIES, with_drop_ins
from imgtool.guest.systemd.conditions import Machine
from imgtool.guest.systemd.lookup import is_null
from imgtool.guest.tree import GuestTree
from imgtool.guest.udev_rules import Token, rules_of

RULES = ("/etc/udev/rules.d", "/usr/local/lib/udev/rules.d", "/usr/lib/udev/rules.d", "/lib/udev/rules.d")
OLD_RULES = ("/etc/udev/rules.d/80-net-setup-link.rules", "/etc/udev/rules.d/80-net-name-slot.rules")
"""A link to /dev/null in one of these places leaves the kernel's names."""
DEFAULT_LINK = "99-default.link"
KERNEL_NAME = "eth0"
BY_ORDER = {KERNEL_NAME: "any machine type"}
PREDICTABLE = {"ens3": "machine type pc", "enp1s0": "machine type q35"}
BY_POLICY = {
    "slot": PREDICTABLE,
    "path": {"enp0s3": "machine type pc", "enp1s0": "machine type q35"},
    "mac": {"enxfa163e000001": "any machine type"},
}
"""The other words give a virtio card no name. Neutron's addresses begin with fa:16:3e."""
COMPARED = {
    ("SUBSYSTEM", ""): ("net",),
    ("SUBSYSTEMS", ""): ("net", "virtio", "pci"),
    ("ACTION", ""): ("add",),
    ("KERNEL", ""): (KERNEL_NAME,),
    ("DRIVERS", ""): (DRIVER, "virtio-pci"),
    ("ATTR", "address"): ("fa:16:3e:00:00:01",),
    ("ATTR", "type"): ("1",),
    ("ATTR", "dev_id"): ("0x0",),
    ("ATTR", "dev_port"): ("0",),
    ("NAME", ""): ("",),
}
"""What a rule compares, and what the card has. A rule that asks for anything else is not for the card."""


def card_names(tree: GuestTree, command_line: CommandLine, machine: Machine) -> dict[str, str]:
    """The names that the card may have, and where it has them."""
    ruled = _by_rules(tree)
    if ruled is not None:
        return {ruled: "any machine type"}
    if not tree.is_directory("/usr/lib/systemd/network") or any(is_null(tree, path) for path in OLD_RULES):
        return BY_ORDER
    return _by_links(tree, machine, policy=command_line.kernel_value("net.ifnames") != "0")


def _by_links(tree: GuestTree, machine: Machine, *, policy: bool) -> dict[str, str]:
    for path in files_by_name(tree, DIRECTORIES, (".link",)):
        lines = with_drop_ins(tree, path)
        match = read_match(tree, machine, lines)
        if match is None or not match.fits(KERNEL_NAME):
            continue
        words = (last(lines, "Link", "NamePolicy") or "").split() if policy else []
        named = next((BY_POLICY[word] for word in words if word in BY_POLICY), None)
        own = last(lines, "Link", "Name")
        return named or ({own: "any machine type"} if own else BY_ORDER)
    masked = any(is_null(tree, posixpath.join(one, DEFAULT_LINK)) for one in DIRECTORIES)
    return BY_ORDER if masked or not policy else PREDICTABLE


def _by_rules(tree: GuestTree) -> str | None:
    """The name that the last rule gives which means the card."""
    found = None
    for path in files_by_name(tree, RULES, (".rules",)):
        text = text_in(tree, path)
        for rule in rules_of(text, path) if "NAME" in text else ():
            given = next((one.value for one in rule if one.key == "NAME" and one.operator in {"=", ":="}), "")
            if given and not set("$%").intersection(given) and _is_meant(rule):
                found = given
    return found


def _is_meant(rule: list[Token]) -> bool:
    compared = [one for one in rule if one.operator in {"==", "!="}]
    is_of_cards = any((one.key, one.value, one.operator) == ("SUBSYSTEM", "net", "==") for one in compared)
    return is_of_cards and all(map(_holds, compared))


def _holds(token: Token) -> bool:
    values = COMPARED.get((token.key, token.attribute))
    if values is None:
        return False
    fits = any(fnmatchcase(value, one) for value in values for one in token.value.split("|"))
    return fits is (token.operator == "==")
