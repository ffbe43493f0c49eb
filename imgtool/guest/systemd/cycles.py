"""What falls out of a boot because units wait for each other in a circle.

Source: transaction_verify_order_one of systemd's src/core/transaction.c. One job of the circle is deleted,
and with it what requires that one: never what the default target requires. Which of several it is, the order
of a hash table decides.
"""

from collections import deque
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet

from imgtool.util.text import printable

MAX_UNITS = 20_000

Edges = Callable[[str], Iterable[str]]
"""Unit to others: what it waits for, or what it requires."""


def broken_by_circle(
    name: str, waits_for: Edges, requires: Edges, firm: AbstractSet[str]
) -> tuple[bool | None, str] | None:
    """Whether the unit is left out for a circle (False), or may be (None), and why; None where it is in none.

    `firm` is what the default target requires.
    """
    members = set[str]() if name in firm else _circle(name, waits_for)
    if not members:
        return None
    required = closure(name, requires)
    only = _circle(name, lambda one: (other for other in waits_for(one) if other in firm or other == name))
    shown = printable(min((only or members) - {name}))
    why = f"it waits for {shown}, which waits for it: systemd leaves one of them out"
    return (False if only or members - firm <= required else None), why


def _circle(name: str, waits_for: Edges) -> set[str]:
    """The units that it waits for, and that wait for it; empty where there are none."""
    edges: dict[str, set[str]] = {}
    pending = deque([name])
    while pending and len(edges) < MAX_UNITS:
        one = pending.popleft()
        if one not in edges:
            edges[one] = set(waits_for(one)) - {one}
            pending.extend(edges[one])
    behind: dict[str, list[str]] = {}
    for one, before in edges.items():
        for other in before:
            behind.setdefault(other, []).append(one)
    if name not in behind:
        return set()
    return closure(name, lambda one: behind.get(one, ()))


def closure(name: str, edges: Edges) -> set[str]:
    """The unit, and all that can be reached from it."""
    found, pending = {name}, [name]
    while pending and len(found) < MAX_UNITS:
        for other in edges(pending.pop()):
            if other not in found:
                found.add(other)
                pending.append(other)
    return found
