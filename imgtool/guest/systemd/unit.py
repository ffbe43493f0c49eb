"""One unit as systemd has it after its file and all its drop-ins are read."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from imgtool.guest.systemd.names import (
    instance_of,
    is_unit_name,
    prefix_of,
    specified,
    template_of,
    unit_type,
    with_instance,
)
from imgtool.guest.systemd.syntax import Line
from imgtool.guest.systemd.words import UnbalancedError, words_of

LoadState = Literal["loaded", "masked", "not-found", "bad"]

SEARCH_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""Where systemd, and the shells that it starts, look for a program without a slash: systemd.service(5)."""
TRUE_WORDS = frozenset({"1", "yes", "y", "true", "t", "on"})
FALSE_WORDS = frozenset({"0", "no", "n", "false", "f", "off"})


@dataclass(frozen=True, slots=True)
class Value:
    """What a setting was given, and the file that says so."""

    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit, loaded or not."""

    name: str
    """Its main name: that of its file, with the instance in it."""
    names: tuple[str, ...]
    """With its aliases."""
    state: LoadState
    place: str
    """Its file, what masks it, or empty; printable."""
    problem: str = ""
    """Why systemd does not load it, in one clause; empty where it does."""
    lines: tuple[Line, ...] = ()
    wanted: tuple[tuple[str, str], ...] = ()
    """Units of its .wants and .upholds directories, each with the link."""
    required: tuple[tuple[str, str], ...] = ()
    """Of its .requires directories."""

    @property
    def type(self) -> str:
        """service, target, mount, ..."""
        return unit_type(self.name)

    @property
    def settings(self) -> tuple[tuple[str, str, str], ...]:
        """Source, key and value of the lines of [Service] in their order."""
        return tuple((line.source, line.key, line.value) for line in self.lines if line.section == "Service")

    def values(self, section: str, *keys: str) -> tuple[Value, ...]:
        """What a list is given by its lines; an empty one takes back all before it."""
        found: list[Value] = []
        for line in self.lines:
            if line.section == section and line.key in keys:
                if not line.value:
                    found.clear()
                else:
                    found.append(Value(specified(line.value, self.name), line.source))
        return tuple(found)

    def value(self, section: str, key: str) -> Value | None:
        """The last value of a setting that has one; None where it has none, or was emptied last."""
        found = None
        for line in self.lines:
            if line.section == section and line.key == key:
                found = Value(specified(line.value, self.name), line.source) if line.value else None
        return found

    def text(self, section: str, key: str) -> str:
        """The last value of a setting; empty where it has none, or was emptied last."""
        value = self.value(section, key)
        return value.text if value is not None else ""

    def words(self, section: str, *keys: str) -> list[str]:
        """All words of a list; an empty line takes back all before it."""
        return [word for value in self.values(section, *keys) for word in split_words(value.text)]

    def flag(self, section: str, key: str, *, default: bool) -> bool:
        """A boolean; what is none is ignored."""
        found = default
        for line in self.lines:
            if line.section == section and line.key == key:
                truth = as_boolean(line.value)
                found = found if truth is None else truth
        return found

    def named(self, *keys: str) -> Iterator[tuple[str, str]]:
        """The units that dependencies of [Unit] name, each with the file: these lists cannot be emptied."""
        for line in self.lines:
            if line.section == "Unit" and line.key in keys:
                for word in split_words(specified(line.value, self.name)):
                    name = self.resolved(word)
                    if name is not None:
                        yield name, f"{line.source}: {line.key}={word}"

    def resolved(self, name: str) -> str | None:
        """`name` as this unit means it: a template gets this unit's instance, or its prefix."""
        if not is_unit_name(name):
            return None
        if instance_of(name) == "":
            return with_instance(name, instance_of(self.name) or prefix_of(self.name))
        return name

    @property
    def template(self) -> str | None:
        """The template that it is an instance of."""
        return template_of(self.name)


def as_boolean(text: str) -> bool | None:
    """Return the boolean as systemd reads it; None if it is neither."""
    word = text.strip().lower()
    return True if word in TRUE_WORDS else False if word in FALSE_WORDS else None


def split_words(text: str) -> list[str]:
    """Words, in quotes or not, in which a backslash is itself; those before a quote that has no end."""
    try:
        return words_of(text, escapes=False)
    except UnbalancedError as error:
        return error.words


def first_by_name(paths: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Name to the first path of that name, in the order of the names: conf_files_list_strv."""
    found: dict[str, str] = {}
    for name, path in paths:
        found.setdefault(name, path)
    return dict(sorted(found.items()))
