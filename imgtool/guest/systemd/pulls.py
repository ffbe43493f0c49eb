"""What a unit pulls into a transaction: what it requires and wants, and what it starts when it runs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from imgtool.guest.systemd.unit import Unit, split_words
from imgtool.util.text import printable

REQUIRING = ("Requires", "BindsTo", "BindTo", "RequiresOverridable")
WANTING = ("Wants", "Upholds")
STARTED_AFTER_BOOT = ("OnActiveSec", "OnBootSec", "OnStartupSec")


@dataclass(frozen=True, slots=True)
class Pull:
    """A unit is in the transaction because of another."""

    by: str | None
    place: str
    later: bool = False
    """Not by the transaction of the boot: by a unit that has started then."""
    sure: bool = True
    """False where it depends on what happens at run time."""
    condition: str = ""
    """What it depends on."""

    @property
    def rank(self) -> int:
        """0: by the transaction, 1: by that perhaps; 2: surely after it, 3: perhaps after it."""
        return 2 * self.later + (not self.sure)

    def after(self, other: "Pull") -> "Pull":
        """Return the pull, no earlier and no surer than what leads to the unit that pulls."""
        return replace(
            self,
            later=self.later or other.later,
            sure=self.sure and other.sure,
            condition=self.condition or other.condition,
        )


Queued = tuple[str, Pull]
"""A unit, and why it is started."""


def requirements_of(unit: Unit) -> Iterator[tuple[str, str]]:
    """Units without which it is not started: named, linked, and implied."""
    yield from unit.required
    yield from unit.named(*REQUIRING)
    if unit.type in {"service", "socket", "timer", "path"} and has_defaults(unit):
        yield "sysinit.target", f"{printable(unit.name)} (default dependency)"
    if unit.type == "service":
        kind = unit.value("Service", "Type")
        if (kind is not None and kind.text == "dbus") or (kind is None and unit.value("Service", "BusName")):
            yield "dbus.socket", f"{printable(unit.name)} (Type=dbus)"


def wants_of(unit: Unit) -> Iterator[tuple[str, str]]:
    """Units that it pulls in where they can be started: named, linked, and its sockets."""
    yield from unit.wanted
    yield from unit.named(*WANTING)
    if unit.type == "service":
        for value in unit.values("Service", "Sockets"):
            for name in split_words(value.text):
                if name.endswith(".socket"):
                    yield name, f"{value.source}: Sockets={printable(name)}"


def has_defaults(unit: Unit) -> bool:
    """Whether it has the default dependencies of its type."""
    return unit.flag("Unit", "DefaultDependencies", default=True)


def activations_of(unit: Unit) -> Iterator[tuple[str, Pull]]:
    """Units that a timer, path or socket starts later."""
    if unit.type not in {"timer", "path", "socket"}:
        return
    section, key = {
        "timer": ("Timer", "Unit"),
        "path": ("Path", "Unit"),
        "socket": ("Socket", "Service"),
    }[unit.type]
    named = unit.value(section, key)
    target = named.text if named is not None else f"{unit.name.rpartition('.')[0]}.service"
    resolved = unit.resolved(target)
    if resolved is None:
        return
    place = f"{unit.place}: it starts {printable(target)}"
    if unit.type == "timer" and unit.values("Timer", *STARTED_AFTER_BOOT):
        yield resolved, Pull(unit.name, place, later=True)
    elif unit.type == "socket" and unit.flag("Socket", "Accept", default=False):
        return
    else:
        when = {"timer": "a time of day", "path": "a path", "socket": "a connection"}[unit.type]
        condition = f"{when} ({unit.place})"
        yield resolved, Pull(unit.name, place, later=True, sure=False, condition=condition)
