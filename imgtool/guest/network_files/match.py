"""Which cards a [Match] section of systemd's .network and .link files means.

Source: systemd.network(5) and systemd.link(5) of systemd 252; net_match_config and net_condition_test_strv of
src/shared/netif-util.c: all settings must hold, a list that begins with `!` is turned around, and a section
without any setting matches nothing. The card is the first one of a Nova instance.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from imgtool.guest.network_files.card import DRIVER, EVERY, fits
from imgtool.guest.systemd.conditions import Machine, what_holds
from imgtool.guest.systemd.syntax import Line
from imgtool.guest.systemd.unit import Unit, split_words
from imgtool.guest.tree import GuestTree

CONDITIONS = frozenset({"Host", "Virtualization", "KernelCommandLine", "KernelVersion", "Architecture"})
"""Keys that units have as conditions."""
PATHS = ("pci-0000:00:03.0", "pci-0000:01:00.0")
"""ID_PATH of the first card on machine type pc, and on q35."""
OF_THE_CARD = {
    "Type": ("ether",),
    "Driver": (DRIVER,),
    "Path": PATHS,
    "Property": (f"ID_NET_DRIVER={DRIVER}", "ID_BUS=pci"),
    "Kind": (),
}
"""What each of these lists is compared with. A card has no kind; one word of a property is enough here."""
NAMES = ("Name", "OriginalName")


@dataclass(frozen=True, slots=True)
class Match:
    """Patterns of names."""

    names: tuple[str, ...]
    excluded: tuple[str, ...] = ()

    def fits(self, name: str) -> bool:
        """Whether a card of this name is meant."""
        return fits(name, self.names) and not fits(name, self.excluded)


def read_match(tree: GuestTree, machine: Machine, lines: Sequence[Line]) -> Match | None:
    """The names that are meant; None where the first card is not, whatever it is called."""
    settings: dict[str, list[str]] = {}
    for line in lines:
        if line.section == "Match":
            settings.setdefault(line.key, [])
            settings[line.key] += _words(line.value)
            if not line.value:
                settings[line.key].clear()
    settings = {key: words for key, words in settings.items() if words}
    if not settings or not all(_holds(key, words) for key, words in settings.items()):
        return None
    if not _conditions_hold(tree, machine, lines):
        return None
    words = next((settings[key] for key in NAMES if key in settings), [EVERY])
    wanted = tuple(word for word in words if not word.startswith("!"))
    excluded = tuple(word[1:] for word in words if word.startswith("!"))
    return Match(wanted or (EVERY,), excluded)


def _words(text: str) -> list[str]:
    """The words of a list; `!` before the first one stands for all."""
    if not text.startswith("!"):
        return split_words(text)
    return [f"!{word}" for word in split_words(text[1:])]


def _holds(key: str, words: list[str]) -> bool:
    if key in NAMES or key in CONDITIONS:
        return True
    values = OF_THE_CARD.get(key)
    if values is None:
        return False  # an address, a wireless network, a later version's key
    wanted = [word for word in words if not word.startswith("!")]
    excluded = [word[1:] for word in words if word.startswith("!")]
    found = [fits(value, wanted) if wanted else True for value in values]
    lost = any(fits(value, excluded) for value in values)
    met = all(found) if key == "Path" else any(found)
    return (met or (not values and not wanted)) and not lost


def _conditions_hold(tree: GuestTree, machine: Machine, lines: Sequence[Line]) -> bool:
    conditions = tuple(
        Line(line.source, "Unit", f"Condition{line.key}", line.value)
        for line in lines
        if line.section == "Match" and line.key in CONDITIONS
    )
    if not conditions:
        return True
    return (
        what_holds(tree, Unit("x.service", ("x.service",), "loaded", "", lines=conditions), machine).value
        is True
    )
