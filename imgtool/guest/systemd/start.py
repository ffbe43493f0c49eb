"""What systemd starts: from the default target along the dependencies of all units, and why not.

Source: systemd.unit(5), systemd.special(7), bootup(7); src/core/main.c for the default target,
src/core/transaction.c for what is pulled in. A wanted unit that is masked or missing is left out. One whose
own requirement is masked or missing is left out since systemd 257; before, it is started all the same
(systemd's issues 11338 and 16909), if the requirement is no BindsTo= with After=. A default target that
cannot be loaded is replaced by rescue.target.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.programs import Programs
from imgtool.guest.systemd.conditions import Machine, what_holds
from imgtool.guest.systemd.conflicts import Jobs
from imgtool.guest.systemd.files import UnitFiles
from imgtool.guest.systemd.generators import with_generated
from imgtool.guest.systemd.presets import is_first_boot, preset_wants
from imgtool.guest.systemd.pulls import Pull, Queued, activations_of, requirements_of, wants_of
from imgtool.guest.systemd.reached import MAX_DEPTH, Fails, Reached
from imgtool.guest.systemd.unit import Unit
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

MAX_UNITS = 20_000
"""Units of one transaction: systemd allows 131,072; a desktop has 300."""
DROPS_SINCE = 257
"""The systemd that leaves out what requires something that cannot be loaded."""
FALLBACK = "rescue.target"
DEFAULT = "default.target"


@dataclass(frozen=True, slots=True)
class UnitState:
    """What becomes of one unit."""

    name: str
    """Its main name."""
    starts: bool | None
    """None: that cannot be told from the disk, and `reason` says why."""
    chain: tuple[str, ...] = ()
    """The links and lines that lead to it from the default target."""
    reason: str = ""
    """Why it does not start, in one clause; empty where it does."""

    @property
    def why(self) -> str:
        """The chain for evidence, or the reason."""
        return self.reason or "; ".join(self.chain)


@dataclass(frozen=True, slots=True)
class DefaultTarget:
    """The unit that the whole boot aims at."""

    name: str
    """Its main name: `graphical.target`."""
    place: str
    """What makes it the default one."""
    fallback: str = ""
    """Why it stands in for the one that was wanted; empty where it is that one."""


class StartedUnits:
    """What one boot starts. Ask it with `unit`."""

    def __init__(
        self,
        files: UnitFiles,
        machine: Machine,
        default: DefaultTarget,
        programs: Programs | None,
        fails: Fails | None = None,
    ) -> None:
        """`programs` and `fails`: None where nobody wants to know what cannot be run, and what fails."""
        self.files = files
        self.machine = machine
        self.default = default
        self._reached = Reached(files, machine, programs, fails, lambda: self.names)
        self._drops = (files.version or DROPS_SINCE) >= DROPS_SINCE
        self._pulled: dict[str, Pull] = {}
        self._startable: dict[str, str] = {}
        self._jobs: Jobs | None = None
        self._run()

    @property
    def names(self) -> frozenset[str]:
        """The main names of all units that are started, conditions or not."""
        return frozenset(self._pulled)

    @property
    def transaction(self) -> frozenset[str]:
        """Return the units that the transaction of the boot itself starts."""
        return frozenset(name for name in self._pulled if not self._pulled[name].later)

    def unit(self, name: str) -> UnitState:
        """What becomes of the unit that has this name, or is an alias of it."""
        unit = self.files.unit(name)
        if unit.state != "loaded":
            return UnitState(unit.name, starts=False, reason=f"{printable(unit.name)}: {unit.problem}")
        obstacle = self._left_out(unit.name) or self._not_bound(unit)
        if obstacle:
            return UnitState(unit.name, starts=False, reason=f"{printable(unit.name)}: {obstacle}")
        pull = self._pulled.get(unit.name)
        if pull is None:
            obstacle = self._unstartable(unit.name, 0, ()) or self._conflict(unit.name) or self._freeze()
            reason = f"{printable(unit.name)}: {obstacle}" if obstacle else ""
            reason = reason or f"nothing that starts wants {printable(unit.name)}"
            return UnitState(unit.name, starts=False, reason=reason)
        return self._in_circle(unit) or self._when_reached(unit, self._chain(unit.name))

    def _conflict(self, name: str) -> str:
        return self._jobs.dropped.get(name, "") if self._jobs is not None else ""

    def _freeze(self) -> str:
        """Why systemd starts nothing at all; empty where it starts something: do_queue_default_job.

        A tree with neither a default target nor rescue.target is no whole guest: that says nothing of others.
        """
        is_there = self.files.unit(self.default.name).state == "loaded"
        why = self._unstartable(self.default.name, 0, ()) if is_there else ""
        why = why or (self._jobs.contradiction if self._jobs is not None else "")
        return f"systemd freezes, as it cannot start {printable(self.default.name)}: {why}" if why else ""

    def chain(self, name: str) -> tuple[str, ...]:
        """The links and lines that lead from the default target to the unit; empty where nothing does."""
        unit = self.files.unit(name)
        return self._chain(unit.name) if unit.name in self._pulled else ()

    def _in_circle(self, unit: Unit) -> UnitState | None:
        found = self._reached.in_circle(unit, self.default.name)
        if found is None:
            return None
        return UnitState(unit.name, found[0], self._chain(unit.name), f"{printable(unit.name)}: {found[1]}")

    def _when_reached(self, unit: Unit, chain: tuple[str, ...]) -> UnitState:
        """Check its conditions and program, those of what it requires, and whether it was surely reached."""
        found = self._reached.why_not(unit)
        if found is not None:
            return UnitState(unit.name, found[0], chain, found[1])
        unsure = self._unsure(unit.name)
        if unsure:
            return UnitState(unit.name, None, chain, f"{printable(unit.name)}: it depends on {unsure}")
        return UnitState(unit.name, starts=True, chain=chain)

    # ------------------------------------------------------------ the transaction

    def _run(self) -> None:
        if self._freeze():
            return
        self._add(self.default.name, Pull(None, self.default.place))
        self._drain(self.default.name)
        udev = self.files.unit("systemd-udevd.service").name
        if udev in self._pulled:
            for device in self.machine.devices:
                name = self.files.unit(device).name
                if self._add(name, Pull(udev, f"udev finds {printable(device)}", later=True)):
                    self._drain(name)

    def _add(self, name: str, pull: Pull) -> bool:
        if name in self._pulled:
            return False
        if len(self._pulled) >= MAX_UNITS:
            raise GuestReadError(f"systemd would start more than {MAX_UNITS} units")
        self._pulled[name] = pull
        return True

    def _drain(self, first: str) -> None:
        """What one transaction pulls in comes first, then what surely follows it, then what may follow.

        So the best way to a unit is found, and none that is less sure hides it.
        """
        waiting: tuple[deque[Queued], ...] = tuple(deque() for _ in range(4))
        waiting[0].append((first, self._pulled[first]))
        while queue := next(filter(None, waiting), None):
            if not (waiting[0] or waiting[1]) and first == self.default.name:
                self._settle()
            name, pull = queue.popleft()
            if (pull.by is not None and pull.by not in self._pulled) or (
                name != first and not self._add(name, pull)
            ):
                continue
            for wanted, of_wanted in self._pulls(self.files.unit(name)):
                unit = self.files.unit(wanted)
                if unit.state == "loaded" and not self._left_out(unit.name, of_wanted.by):
                    one = of_wanted.after(pull)
                    waiting[one.rank].append((unit.name, one))
        self._settle()

    def _settle(self) -> None:
        """Take out what conflicts with others, once the boot's transaction is complete."""
        if self._jobs is not None:
            return
        units = {name: self.files.unit(name) for name in self._pulled}
        self._jobs = Jobs(
            self.default.name,
            {name: self._main_names((*requirements_of(one), *wants_of(one))) for name, one in units.items()},
            {name: self._main_names(requirements_of(one)) for name, one in units.items()},
            {name: self._stops(one) for name, one in units.items()},
            {name: self._main_names(one.named("PartOf")) for name, one in units.items()},
        )
        self._jobs.settle()
        gone = self._pulled if self._jobs.contradiction else self._jobs.dropped
        for name in tuple(gone):
            self._pulled.pop(name)

    def _stops(self, unit: Unit) -> frozenset[str]:
        """None where something of it cannot be started: that ends what it pulls in."""
        return (
            frozenset() if self._unstartable(unit.name, 0, ()) else self._main_names(unit.named("Conflicts"))
        )

    def _main_names(self, named: Iterable[tuple[str, str]]) -> frozenset[str]:
        return frozenset(self.files.unit(name).name for name, _ in named)

    def _pulls(self, unit: Unit) -> Iterator[tuple[str, Pull]]:
        """What it requires comes first: where that fails, nothing that it only wants is looked at.

        Requisite= comes behind what it wants.
        """
        if self._without_requirement(unit):
            condition = f"the order in which systemd looks at what {printable(unit.name)} requires"
            for name, place in requirements_of(unit):
                yield name, Pull(unit.name, place, sure=False, condition=condition)
        else:
            for name, place in (*requirements_of(unit), *wants_of(unit)):
                yield name, Pull(unit.name, place)
        if what_holds(self.files.tree, unit, self.machine).value is not False:
            yield from activations_of(unit)

    def _left_out(self, name: str, by: str | None = None) -> str:
        """Why its start is not queued; empty where it is. What the whole boot aims at has no such luck.

        Nor has what a device wants: that is started when the device appears, by a transaction of its own
        (retroactively_start_dependencies of src/core/unit.c).
        """
        if self._drops or name == self.default.name or (by or "").endswith(".device"):
            return self._unstartable(name, 0, ())
        return ""

    def _not_bound(self, unit: Unit) -> str:
        """Whether it is bound to, and waits for, what can never be active: unit_verify_deps."""
        waits = {name for name, _ in unit.named("After")}
        for name, place in unit.named("BindsTo", "BindTo"):
            bound = self.files.unit(name)
            if name in waits and bound.state != "loaded":
                return f"it is bound to {printable(name)} ({place}): {bound.problem}"
        return ""

    def _without_requirement(self, unit: Unit) -> bool:
        required = (self.files.unit(name).name for name, _ in requirements_of(unit))
        return any(self._unstartable(name, 0, ()) for name in required)

    def _unstartable(self, name: str, depth: int, above: tuple[str, ...]) -> str:
        """Why its start cannot be queued: it, or one that it requires, is not loaded; else empty."""
        if name in self._startable:
            return self._startable[name]
        if name in above or depth > MAX_DEPTH:
            return ""
        unit = self.files.unit(name)
        reason = "" if unit.state == "loaded" else unit.problem
        for needed, place in unit.named("Requisite") if not reason else ():
            if self.files.unit(needed).state != "loaded":
                reason = f"{place}: {self.files.unit(needed).problem}"
        for required, place in requirements_of(unit) if not reason else ():
            obstacle = self._unstartable(self.files.unit(required).name, depth + 1, (*above, name))
            if obstacle:
                reason = f"it requires {printable(required)} ({place}): {obstacle}"
                break
        if not above or not reason:
            self._startable[name] = reason
        return reason

    # ------------------------------------------------------------ one unit

    def _chain(self, name: str) -> tuple[str, ...]:
        places: list[str] = []
        current: str | None = name
        while current is not None and len(places) <= MAX_DEPTH:
            pull = self._pulled[current]
            places.append(pull.place)
            current = pull.by
        return tuple(reversed(places))

    def _unsure(self, name: str) -> str:
        pull = self._pulled[name]
        if not pull.sure:
            return pull.condition
        contested = self._jobs.contested if self._jobs is not None else {}
        current: str | None = name
        for _ in range(MAX_DEPTH):
            if current is None or current in contested:
                break
            current = self._pulled[current].by
        return contested.get(current or "", "")


# ---------------------------------------------------------------- the default target


def what_starts(
    tree: GuestTree, machine: Machine, programs: Programs | None = None, fails: Fails | None = None
) -> StartedUnits:
    """What systemd starts in this guest on this machine.

    With `programs` a service whose program cannot be run does not start; with `fails` neither does one that
    requires a service of which that is told. Raises GuestReadError where the units cannot be read.
    """
    command_line = machine.command_line
    machine = replace(machine, first_boot=is_first_boot(tree, command_line))
    whole = with_generated(tree, command_line)
    choice = command_line.default_unit
    wanted = choice.unit if choice is not None else DEFAULT
    wants = _wants_of_no_file(whole, machine, wanted)
    files = UnitFiles(whole, command_line.masked_units, wants)
    place = f"the kernel's command line: {choice.option}" if choice is not None else _default_place(files)
    target = files.unit(wanted)
    default = DefaultTarget(target.name, place)
    if target.state != "loaded":
        why = f"{printable(wanted)} cannot be loaded ({target.problem}), so systemd starts {FALLBACK}"
        default = DefaultTarget(files.unit(FALLBACK).name, place, why)
    return StartedUnits(files, machine, default, programs, fails)


def _wants_of_no_file(
    tree: GuestTree, machine: Machine, default: str
) -> dict[str, tuple[tuple[str, str], ...]]:
    """What units want because of presets, udev's rules and the command line: unit to (unit, place)."""
    wants: dict[str, list[tuple[str, str]]] = {}
    presets = preset_wants(tree) if machine.first_boot else ()
    for by, unit, place in (*presets, *machine.device_wants):
        wants.setdefault(by, []).append((unit, place))
    for name in machine.command_line.wanted_units:
        place = f"systemd.wants={printable(name)} on the kernel's command line"
        wants.setdefault(default, []).append((name, place))
    return {by: tuple(pairs) for by, pairs in wants.items()}


def _default_place(files: UnitFiles) -> str:
    for directory in files.directories:
        path = f"{directory}/{DEFAULT}"
        if files.tree.is_link(path) or files.tree.is_file(path):
            target = files.tree.link_target(path)
            return f"{path} -> {printable(target)}" if target is not None else path
    return f"no {DEFAULT}"
