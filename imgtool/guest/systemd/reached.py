"""Whether a unit that is started gets as far as running: its conditions, and what has to be there before it.

Sources: systemd.unit(5), "Requires=", "BindsTo=", "After=", "DefaultDependencies="; systemd.service(5),
"Type=", "TimeoutStartSec=". tests/integration/test_service_setup.py asks a running systemd about the rows.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

from imgtool.guest.programs import Programs
from imgtool.guest.systemd.conditions import Machine, what_holds
from imgtool.guest.systemd.cycles import broken_by_circle, closure
from imgtool.guest.systemd.files import UnitFiles
from imgtool.guest.systemd.pulls import has_defaults, requirements_of, wants_of
from imgtool.guest.systemd.unit import SEARCH_PATH, Unit, split_words
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

Fails = Callable[[GuestTree, Unit], str]
"""Why the start of a service fails, for what requires it; empty where nothing is known that makes it fail."""

MAX_DEPTH = 200
"""Requirements that require others."""
MAX_ORDERED = 2000
"""Units that one of them waits for."""
LONG_SECONDS = 3600
"""A `sleep` that nobody waits for."""
BEFORE_SERVICES = ("sysinit.target", "basic.target")
"""What each service waits for that does not say otherwise."""
PORTS = "dev-virtio\\x2dports-"
USUAL_DEVICES = (
    "dev-tty",
    "dev-console",
    "dev-null",
    "dev-vda",
    "dev-sda",
    "dev-disk-",
    "dev-mapper-",
    "sys-",
)
"""How the names of devices begin that an instance has, or that other checks look for on the disk."""
NO_TIMEOUT = frozenset({"", "0", "infinity"})
TIMEOUTS = (("Service", "TimeoutStartSec"), ("Service", "TimeoutSec"), ("Unit", "JobTimeoutSec"))

NEVER_ENDS = "which never ends"
"""Said of what is waited for."""

WhyNot = tuple[bool | None, str]
"""False, or None where only the running guest knows; and why, in one clause."""


class Reached:
    """What keeps units of one boot from running, once they are started."""

    def __init__(
        self,
        files: UnitFiles,
        machine: Machine,
        programs: Programs | None,
        fails: Fails | None,
        started: Callable[[], frozenset[str]],
    ) -> None:
        """`programs`, `fails`: None where nobody wants to know; `started`: the names of what is started."""
        self._files = files
        self._machine = machine
        self._programs = programs
        self._fails = fails
        self._started = started

    def why_not(self, unit: Unit) -> WhyNot | None:
        """Why the unit does not run; None where nothing keeps it from that."""
        for one in self._with_requirements(unit):
            found = self._of_one(one, is_itself=one is unit)
            if found is not None:
                return found
        why = self._bound_ends(unit) or self._not_yet(unit) or self._waits(unit)
        return (False, f"{printable(unit.name)}: {why}") if why else None

    def _of_one(self, one: Unit, *, is_itself: bool) -> WhyNot | None:
        shown = printable(one.name)
        if one.type == "device":
            return self._without_device(one)
        held = what_holds(self._files.tree, one, self._machine)
        blocks = is_itself or held.is_assert
        if held.value is False and blocks:
            return False, f"{shown}: {held.which}"
        if held.value is None and blocks:
            return None, f"{shown}: it depends on {held.which}"
        if held.value is not True:
            return None
        missing = self._failing_program(one) or ("" if is_itself else self._failure(one))
        return (False, f"{shown}: {missing}") if missing else None

    def _without_device(self, one: Unit) -> WhyNot | None:
        """Why a device that is waited for does not come: the start fails after 90 seconds."""
        if one.name in self._machine.devices or one.name.startswith(USUAL_DEVICES):
            return None
        shown = printable(one.name)
        if one.name.startswith(PORTS):
            return False, f"{shown}: an instance has no such port"
        return None, f"{shown}: it depends on whether the instance has this device"

    def _failure(self, required: Unit) -> str:
        return self._fails(self._files.tree, required) if self._fails is not None else ""

    def _with_requirements(self, unit: Unit) -> Iterator[Unit]:
        """The unit, and those that it requires and waits for: where one of them fails, it does not start."""
        yield unit
        seen = {unit.name}
        pending = deque([unit])
        while pending and len(seen) <= MAX_DEPTH:
            current = pending.popleft()
            waits = self._named_after(current)
            for name, _ in requirements_of(current):
                required = self._files.unit(name)
                if required.name in waits and required.name not in seen:
                    seen.add(required.name)
                    pending.append(required)
                    yield required

    def _failing_program(self, unit: Unit) -> str | None:
        """Why the first program of a service that has to succeed cannot be run; None where it can."""
        if unit.type != "service" or self._programs is None:
            return None
        for value in (*unit.values("Service", "ExecStartPre"), *unit.values("Service", "ExecStart")):
            words = split_words(value.text)
            first = words[0] if words else ""
            path = first.lstrip("@-:+!|")
            flags = first[: len(first) - len(path)]
            if not path or "-" in flags or "|" in flags:
                continue
            obstacle = _obstacle(self._programs, self._files.tree, path)
            if obstacle is not None:
                return f"{value.source}: {obstacle}"
        return None

    # ------------------------------------------------------------ what it is bound to

    def _bound_ends(self, unit: Unit) -> str:
        """Why a service that it is bound to is not active: it ends when that one does, whatever the order."""
        for name, place in unit.named("BindsTo", "BindTo"):
            bound = self._files.unit(name)
            if bound.state != "loaded":
                return f"it is bound to {printable(name)} ({place}): {bound.problem}"
            if bound.type != "service":
                continue
            held = what_holds(self._files.tree, bound, self._machine)
            why = held.which if held.value is False else ""
            if not why and _ends_at_once(bound):
                why = "it is of Type=oneshot without RemainAfterExit=, so it is over when it has run"
            if why:
                return f"it is bound to {printable(name)} ({place}): {why}"
        return ""

    def _not_yet(self, unit: Unit) -> str:
        """Why what it only asks for is not active: Requisite= starts nothing.

        One that cannot be loaded is passed over until systemd 257, which then does not start the unit.
        """
        for name, place in unit.named("Requisite"):
            needed = self._files.unit(name)
            if needed.state == "loaded" and needed.name not in self._started():
                return f"it needs {printable(name)} ({place}), which nothing starts"
        return ""

    # ------------------------------------------------------------ what it waits for

    def in_circle(self, unit: Unit, default: str) -> WhyNot | None:
        """Whether a circle of what waits for each other leaves it out, for a boot that aims at `default`."""
        firm = closure(default, self._required)
        return broken_by_circle(unit.name, self._started_before, self._required, firm)

    def _started_before(self, name: str) -> Iterator[str]:
        started = self._started()
        found = (self._files.unit(one).name for one in self._before(self._files.unit(name)))
        return (one for one in found if one in started)

    def _required(self, name: str) -> Iterator[str]:
        return (self._files.unit(one).name for one, _ in requirements_of(self._files.unit(name)))

    def _waits(self, unit: Unit) -> str:
        """What comes before it and never ends: a oneshot service has no timeout of its own."""
        seen = {unit.name}
        pending = deque([unit.name])
        while pending and len(seen) <= MAX_ORDERED:
            for name in self._before(self._files.unit(pending.popleft())):
                one = self._files.unit(name)
                if one.name not in self._started() or one.name in seen:
                    continue
                seen.add(one.name)
                pending.append(one.name)
                command = self._endless(one)
                if command:
                    return f"it waits for {printable(one.name)} ({one.place}), {NEVER_ENDS}: {command}"
        return ""

    def _before(self, unit: Unit) -> Iterator[str]:
        """Yield what has to be up before the unit: as it says, as others say, and by default."""
        yield from (name for name, _ in unit.named("After"))
        yield from self._said_by_others.get(unit.name, ())
        if not has_defaults(unit):
            return
        if unit.type == "service":
            yield from BEFORE_SERVICES
        if unit.type == "target":
            yield from self._before_target(unit)

    def _before_target(self, unit: Unit) -> Iterator[str]:
        """Yield what a target pulls in and does not come before: unit_add_default_target_dependency."""
        behind = {self._files.unit(name).name for name, _ in unit.named("Before")}
        for name, _ in (*requirements_of(unit), *wants_of(unit)):
            other = self._files.unit(name)
            by_default = other.type == "service" and unit.name in BEFORE_SERVICES
            is_behind = other.name in behind or by_default or unit.name in self._named_after(other)
            if has_defaults(other) and not is_behind:
                yield name

    def _named_after(self, unit: Unit) -> frozenset[str]:
        return frozenset(self._files.unit(name).name for name, _ in unit.named("After"))

    @cached_property
    def _said_by_others(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for started in self._started():
            for name, _ in self._files.unit(started).named("Before"):
                found.setdefault(self._files.unit(name).name, []).append(started)
        return found

    def _endless(self, unit: Unit) -> str:
        if unit.type != "service" or not _is_oneshot(unit):
            return ""
        given = (unit.value(section, key) for section, key in TIMEOUTS)
        if any(value is not None and value.text not in NO_TIMEOUT for value in given):
            return ""
        endless = (
            one.text for one in unit.values("Service", "ExecStart") if never_ends(split_words(one.text))
        )
        command = next(endless, "")
        runs = command and what_holds(self._files.tree, unit, self._machine).value is True
        return printable(command) if runs else ""


def _is_oneshot(unit: Unit) -> bool:
    kind = unit.value("Service", "Type")
    return kind is not None and kind.text == "oneshot"


def _ends_at_once(unit: Unit) -> bool:
    return _is_oneshot(unit) and not unit.flag("Service", "RemainAfterExit", default=False)


def never_ends(words: Sequence[str]) -> bool:
    """Whether the command is a `sleep` that nobody waits for."""
    if len(words) < 2 or words[0].rpartition("/")[2] != "sleep":
        return False
    return words[1] in {"infinity", "inf"} or (words[1].isdecimal() and int(words[1][:12]) >= LONG_SECONDS)


def _obstacle(programs: Programs, tree: GuestTree, path: str) -> str | None:
    if path.startswith("/"):
        return programs.obstacle(path)
    found = next((f"{one}/{path}" for one in SEARCH_PATH if tree.is_executable(f"{one}/{path}")), None)
    if found is None:
        return f"{printable(path)} is in no directory of programs"
    return programs.obstacle(found)
