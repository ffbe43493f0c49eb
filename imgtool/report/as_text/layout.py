"""Aligned rows, sections and colours. Text from images is escaped here; colour is the caller's."""

from collections.abc import Callable, Iterable, Sequence

from imgtool.model.delivery import Property
from imgtool.model.facts import Fact, Known, T
from imgtool.text import printable

Paint = Callable[[str, str], str]
"""Colours a text for a role: title, good, bad, doubt, dim."""

WIDTH = 22


def plain(text: str, _role: str) -> str:
    """No colour."""
    return text


def section(title: str, rows: Iterable[tuple[str, str]], paint: Paint) -> list[str]:
    """A title with its rows under it."""
    return [paint(printable(title), "title"), *aligned(rows, paint)]


def aligned(rows: Iterable[tuple[str, str]], paint: Paint) -> list[str]:
    """Key and value, the values in one column."""
    return [f"  {paint(printable(key).ljust(WIDTH), 'dim')} {printable(value)}" for key, value in rows]


def properties(items: Sequence[Property], paint: Paint) -> list[str]:
    """One line a property, with its reason."""
    if not items:
        return []
    width = max(len(f"{item.name}={item.value}") for item in items)
    lines = [paint("image properties", "title")]
    for item in items:
        setting = printable(f"{item.name}={item.value}").ljust(width)
        lines.append(f"  {setting}  {paint(printable(item.reason), 'dim')}")
    return lines


def shown(fact: Fact[T], show: Callable[[T], str] = str) -> str:
    """The value of a fact, or why it is unknown."""
    return show(fact.value) if isinstance(fact, Known) else f"unknown ({fact.reason})"
