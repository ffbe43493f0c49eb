"""What falls out of a transaction because units in it conflict: src/core/transaction.c of systemd.

A unit with Conflicts= pulls in the stop of another one. Where that is to be started too, the start is
dropped, unless the default target requires it: then the unit that wants it stopped is dropped. With it goes
whatever requires it, and what nothing pulls in any more. Where several units conflict with each other, which
one goes is decided by the order of a hash table.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from imgtool.util.text import printable


@dataclass(slots=True)
class Jobs:
    """The starts of one transaction."""

    anchor: str
    """What the transaction is for."""
    pulls: Mapping[str, AbstractSet[str]]
    """Unit to those that it pulls in."""
    requires: Mapping[str, AbstractSet[str]]
    """Unit to those among them without which it is not started."""
    stops: Mapping[str, AbstractSet[str]]
    """Unit to those that it conflicts with."""
    part_of: Mapping[str, AbstractSet[str]]
    """Unit to those with which it is stopped."""
    dropped: dict[str, str] = field(default_factory=dict)
    """Unit to why it is not started; empty where only nothing pulls it in any more."""
    contested: dict[str, str] = field(default_factory=dict)
    """Unit to why it is not known whether it is started."""
    contradiction: str = ""
    """Why the whole transaction fails; empty where it does not."""

    def settle(self) -> None:
        """Fills in `dropped`, `contested` and `contradiction`."""
        firm = self._mattering()
        while (found := self._next(firm)) is not None:
            name, stoppers = found
            if name in firm and firm.intersection(stoppers):
                by = printable(min(firm.intersection(stoppers)))
                self.contradiction = f"{by} conflicts with {printable(name)}, and both are required"
                return
            if name in firm:
                for one in stoppers:
                    self._drop(one, f"it conflicts with {printable(name)}, which {self.anchor} requires")
            else:
                self._drop(name, f"{printable(min(stoppers))} conflicts with it")

    def _next(self, firm: set[str]) -> tuple[str, list[str]] | None:
        """A unit that others stop, and those; what several orders would decide differently is contested."""
        self.contested.clear()
        stopped: dict[str, list[str]] = {}
        for by, names in self.stops.items():
            for name in names - {by} if by not in self.dropped else ():
                if name in self.pulls and name not in self.dropped:
                    stopped.setdefault(name, []).append(by)
        for name, stoppers in sorted(stopped.items()):
            decided = any(by in firm or by not in stopped for by in stoppers) and not self._stopped_with(name)
            if name in firm or decided:
                return name, stoppers
            for one in (name, *stoppers, *self._stopped_with(name)):
                self.contested[one] = (
                    f"which of {printable(name)} and {printable(min(stoppers))} systemd drops"
                )
        return None

    def _stopped_with(self, name: str) -> set[str]:
        """Units whose stop the unit's own stop pulls in: they are started as well, so that order decides."""
        found, pending = {name}, [name]
        while pending:
            one = pending.pop()
            for other in self.pulls:
                if other not in found and one in self.requires.get(other, frozenset()) | self.part_of[other]:
                    found.add(other)
                    pending.append(other)
        return {other for other in found - {name} if other not in self.dropped}

    def _mattering(self) -> set[str]:
        """What the anchor requires, directly or by others."""
        found, pending = {self.anchor}, [self.anchor]
        while pending:
            for name in self.requires.get(pending.pop(), ()):
                if name in self.pulls and name not in found:
                    found.add(name)
                    pending.append(name)
        return found

    def _drop(self, name: str, reason: str) -> None:
        pending = [(name, reason)]
        while pending:
            one, why = pending.pop()
            if one in self.dropped:
                continue
            self.dropped[one] = why
            for other, required in self.requires.items():
                if one in required and other not in self.dropped:
                    pending.append((other, f"it requires {printable(one)}: {why}"))
        self._collect()

    def _collect(self) -> None:
        """What nothing pulls in any more; units that pull in each other stay."""
        again = True
        while again:
            left = [name for name in self.pulls if name not in self.dropped]
            pulled = {self.anchor}.union(*(self.pulls[name] for name in left))
            gone = [name for name in left if name not in pulled]
            self.dropped.update(dict.fromkeys(gone, ""))
            again = bool(gone)
