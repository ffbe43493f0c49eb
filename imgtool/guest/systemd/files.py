"""Which file defines a unit, under which names, with which drop-ins and links.

Source: systemd.unit(5); unit_file_build_name_map and unit_file_find_fragment in src/basic/unit-file.c,
unit_file_find_dropin_paths in src/shared/dropin.c, src/core/load-dropin.c. Of every name the first directory
that has it counts. A link to another name is an alias, where it leads into one of the directories; where not,
it is the unit's own file.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.programs import TRIPLETS
from imgtool.guest.systemd.lookup import is_null
from imgtool.guest.systemd.names import (
    drop_in_names,
    instance_of,
    is_unit_name,
    template_of,
    unit_type,
    with_instance,
)
from imgtool.guest.systemd.syntax import Line, SyntaxProblemError, parse
from imgtool.guest.systemd.unit import Unit, first_by_name
from imgtool.guest.systemd.unit_rules import fatal, passed_over, refusal
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

SEARCH_PATH = (
    "/etc/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
)
"""In the order of systemd.unit(5), table 1; /lib is a place of its own where /usr is not merged."""
MAY_ALIAS = frozenset({"service", "socket", "target", "device", "timer", "path"})
FOLLOW_MAX = 8
MULTIARCH = tuple(f"/usr/lib/{triplet}" for triplet in TRIPLETS.values())
UPHOLDS_SINCE = 254
MAX_UNIT_BYTES = 1 << 20
MAX_ENTRIES = 20_000
"""Entries of all directories: systemd itself has 400."""
DEPENDENCY_SUFFIXES = (".wants", ".upholds", ".requires")


class UnitFiles:
    """The unit files of one guest."""

    def __init__(
        self,
        tree: GuestTree,
        masked: Iterable[str] = (),
        more_wants: Mapping[str, tuple[tuple[str, str], ...]] | None = None,
        removed: Iterable[str] = (),
    ) -> None:
        """`masked`: units that the command line masks; `more_wants`: what besides files makes a unit want
        others, each with its source; `removed`: paths of links that are taken away before units are read.
        """
        self.tree = tree
        self._masked = frozenset(masked)
        self._more_wants = dict(more_wants or {})
        self._removed = frozenset(removed)
        self._units: dict[str, Unit] = {}

    def unit(self, name: str) -> Unit:
        """The unit of that name, whatever its state."""
        if name not in self._units:
            self._units[name] = self._load(name)
        return self._units[name]

    @cached_property
    def version(self) -> int | None:
        """systemd's, by the name of its library; None where that is not there."""
        places = ("/usr/lib/systemd", "/lib/systemd", "/usr/lib64/systemd")
        multiarch = (f"{one}/systemd" for one in MULTIARCH)
        for directory in (*places, *multiarch):
            for name in self.tree.names(directory):
                found = re.match(r"libsystemd-(?:shared|core)-(\d{3})\b", name)
                if found is not None:
                    return int(found[1])
        return None

    @cached_property
    def directories(self) -> tuple[str, ...]:
        """The directories that are there, each once by where it really is."""
        found: dict[str, str] = {}
        for directory in SEARCH_PATH:
            place = self.tree.resolve(directory)
            if place is not None:
                found.setdefault(place, directory)
        return tuple(found.values())

    @cached_property
    def _places(self) -> frozenset[str]:
        resolved = (self.tree.resolve(directory) for directory in SEARCH_PATH)
        return frozenset(place for place in resolved if place) | frozenset(SEARCH_PATH)

    @cached_property
    def _listing(self) -> dict[str, tuple[str, ...]]:
        listing = {directory: self.tree.names(directory) for directory in self.directories}
        if sum(map(len, listing.values())) > MAX_ENTRIES:
            raise GuestReadError(f"the directories of systemd's units have more than {MAX_ENTRIES} entries")
        return listing

    @cached_property
    def ids(self) -> dict[str, str]:
        """Name to what defines it: an absolute path, or the name that it is an alias of."""
        ids: dict[str, str] = {}
        for directory, names in self._listing.items():
            for name in names:
                if name in ids or not is_unit_name(name):
                    continue
                target = self._target(posixpath.join(directory, name))
                if target is not None:
                    ids[name] = target
        return ids

    @cached_property
    def _aliases(self) -> dict[str, tuple[str, ...]]:
        """Name of a file to all names that lead to it."""
        found: dict[str, list[str]] = {}
        for name in self.ids:
            path = self._fragment(name)
            if path is None:
                continue
            main = posixpath.basename(path)
            instance = instance_of(name)
            if instance and instance_of(main) == "":
                main = with_instance(main, instance)
            found.setdefault(main, []).append(name)
        return {main: tuple(names) for main, names in found.items()}

    def _target(self, path: str) -> str | None:
        """What a file or link in one of the directories defines; None where it is passed over."""
        if path in self._removed:
            return None
        link = self.tree.link_target(path)
        if link is None:
            return path if self.tree.is_file(path) else None
        directory, name = posixpath.split(posixpath.normpath(posixpath.join(posixpath.dirname(path), link)))
        if (self.tree.resolve(directory) or directory) not in self._places:
            return path
        own = posixpath.basename(path)
        return name if name != own and _may_be_alias(own, name) else None

    def _fragment(self, name: str) -> str | None:
        """The path of the file that a name leads to, over aliases; None where it leads to none."""
        target = self.ids.get(name)
        for _ in range(FOLLOW_MAX):
            if target is None or target.startswith("/"):
                return target
            template = template_of(target)
            target = self.ids.get(target) or (self.ids.get(template) if template else None)
        return None

    # ------------------------------------------------------------ loading

    def _load(self, name: str) -> Unit:
        template = template_of(name)
        path = self._fragment(name)
        if path is None and template is not None:
            path = self._fragment(template)
        main = self._main_name(name, path)
        names = self._names(name, main)
        masked = self._masked.intersection(names)
        if masked:
            why = f"systemd.mask={min(masked)} on the kernel's command line masks it"
            return Unit(main, names, "masked", "the kernel's command line", why)
        if path is None:
            return self._without_file(name, main, names)
        if is_null(self.tree, path):
            return Unit(main, names, "masked", printable(path), f"{printable(path)} masks it")
        if not self.tree.is_file(path):
            return Unit(main, names, "not-found", printable(path), f"{printable(path)} leads nowhere")
        return self._read(main, names, path)

    def _without_file(self, name: str, main: str, names: tuple[str, ...]) -> Unit:
        """Devices, slices and scopes need no file; another unit has none."""
        if unit_type(name) in {"device", "slice", "scope"}:
            return self._read(main, names, None)
        alias = self.ids.get(name)
        if alias is not None:
            link = self._link_of(name)
            return Unit(
                main, names, "not-found", link, f"{link} leads to {printable(alias)}, which is not there"
            )
        return Unit(main, names, "not-found", "", "it has no unit file")

    def _link_of(self, name: str) -> str:
        paths = (posixpath.join(directory, name) for directory in self.directories)
        return next((printable(path) for path in paths if self.tree.is_link(path)), printable(name))

    def _main_name(self, name: str, path: str | None) -> str:
        if path is None:
            return name
        base = posixpath.basename(path)
        instance = instance_of(name)
        return with_instance(base, instance) if instance and instance_of(base) == "" else base

    def _names(self, name: str, main: str) -> tuple[str, ...]:
        found = dict.fromkeys((main, name))
        for alias in self._aliases.get(main, ()):
            found[alias] = None
        template, instance = template_of(main), instance_of(main)
        for alias in self._aliases.get(template, ()) if template and instance else ():
            if instance_of(alias) == "":
                found[with_instance(alias, instance or "")] = None
        return tuple(found)

    def _read(self, main: str, names: tuple[str, ...], path: str | None) -> Unit:
        place = printable(path) if path is not None else ""
        lines, problem = self._lines(path) if path is not None else ([], "")
        if problem:
            return Unit(main, names, "bad", place, problem)
        for drop_in in self._drop_ins(names):
            lines += self._lines(drop_in)[0]
        links = {suffix: tuple(self._links(names, suffix)) for suffix in DEPENDENCY_SUFFIXES}
        more = tuple(pair for name in names for pair in self._more_wants.get(name, ()))
        upheld = links[".upholds"] if (self.version or UPHOLDS_SINCE) >= UPHOLDS_SINCE else ()
        wanted = (*links[".wants"], *upheld, *more)
        unit = Unit(main, names, "loaded", place, "", tuple(lines), wanted, links[".requires"])
        refused = refusal(unit)
        return replace(unit, state="bad", problem=refused) if refused else unit

    def _lines(self, path: str) -> tuple[list[Line], str]:
        """The lines up to one that systemd gives up at, and why it does; those of a drop-in count."""
        content = self.tree.read_bytes(path, MAX_UNIT_BYTES) or b""
        lines: list[Line] = []
        try:
            for line in parse(content.decode("utf-8", "surrogateescape"), path):
                problem = fatal(line, self.version)
                if problem:
                    return lines, problem
                if not passed_over(line, self.version):
                    lines.append(line)
        except SyntaxProblemError as error:
            return lines, str(error)
        return lines, ""

    def _drop_ins(self, names: tuple[str, ...]) -> list[str]:
        """Return those of names before those of prefixes, of a whole type last; then by their names."""
        kind = f"{unit_type(names[0])}.d"
        below = [*self._directories_of(names, ".d"), *self._named(kind)]
        found = first_by_name(
            (entry, posixpath.join(directory, entry))
            for directory in below
            for entry in self.tree.names(directory)
            if entry.endswith(".conf") and not entry.startswith(".")
        )
        return [path for path in found.values() if not is_null(self.tree, path)]

    def _directories_of(self, names: tuple[str, ...], suffix: str) -> Iterator[str]:
        for name in names:
            tried = [f"{one}{suffix}" for one in drop_in_names(name)]
            for directory, present in self._present.items():
                yield from (posixpath.join(directory, one) for one in tried if one in present)

    def _named(self, entry: str) -> Iterator[str]:
        for directory, present in self._present.items():
            if entry in present:
                yield posixpath.join(directory, entry)

    @cached_property
    def _present(self) -> dict[str, frozenset[str]]:
        return {directory: frozenset(names) for directory, names in self._listing.items()}

    def _links(self, names: tuple[str, ...], suffix: str) -> Iterator[tuple[str, str]]:
        """Units of the links in `NAME.wants`, `service.wants` and the like; what is no link is ignored."""
        found = first_by_name(
            (entry, posixpath.join(directory, entry))
            for directory in (
                *self._directories_of(names, suffix),
                *self._named(f"{unit_type(names[0])}{suffix}"),
            )
            for entry in self.tree.names(directory)
        )
        own = Unit(names[0], names, "loaded", "")
        for entry, path in found.items():
            unit = own.resolved(entry)
            usable = unit is not None and path not in self._removed
            if usable and self.tree.is_link(path) and not is_null(self.tree, path):
                yield str(unit), printable(path)


def _may_be_alias(name: str, target: str) -> bool:
    """unit_validate_alias_symlink_and_warn."""
    if not is_unit_name(target) or unit_type(name) != unit_type(target) or unit_type(name) not in MAY_ALIAS:
        return False
    own, other = instance_of(name), instance_of(target)
    if own is None or other is None:
        return own is other
    return own == other or (bool(own) and other == "")
