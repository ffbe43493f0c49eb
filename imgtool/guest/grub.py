"""GRUB's menu and its default entry, from grub.cfg and the environment block beside it.

grub.cfg is a shell script. It is not run: menu entries are collected from every branch, and of the
assignments to `default` the one counts that holds when nothing was asked for the next boot only.
Source: the GNU GRUB manual, "Shell-like scripting", "menuentry", "default", "The GRUB environment block".
"""

import itertools
import re
import shlex
from dataclasses import dataclass, field

from imgtool.guest.boot_entry import MAX_ENTRIES, BootEntry
from imgtool.guest.filesystems.base import GuestReadError

MAX_LINE_CHARACTERS = 8192
"""The kernel takes a command line of at most 2,048 (COMMAND_LINE_SIZE on x86) to 4,096."""

MAX_MENU_DEPTH = 8

_INTERESTING = re.compile(
    r"\s*(menuentry|submenu|function|linux(?:16|efi)?|initrd(?:16|efi)?|set|if|fi|blscfg)(?:\s|$)"
)
_ASSIGNMENT = re.compile(r"(\w+)=(.*)", re.DOTALL)
MAX_VARIABLES = 1000


@dataclass(slots=True)
class MenuItem:
    """A menu entry, or a submenu (then it has children). Filled while the menu is parsed."""

    title: str
    name: str
    entry: BootEntry | None = None
    children: list["MenuItem"] = field(default_factory=list)
    is_submenu: bool = False


@dataclass(slots=True)
class GrubMenu:
    """What grub.cfg says. `default` is as written there, variables not expanded."""

    items: list[MenuItem] = field(default_factory=list)
    default: str = ""
    honours_next_entry: bool = False
    variables: dict[str, str] = field(default_factory=dict)
    """Others that it sets, first value of each: Red Hat's `kernelopts`, for where grubenv has none."""
    bls_position: int | None = None
    """Where among `items` the entries of boot/loader/entries belong; None where they are not used."""


def parse_environment(text: str) -> dict[str, str]:
    """The variables of an environment block (grubenv)."""
    lines = (line for line in text.splitlines() if "=" in line and not line.startswith("#"))
    pairs = (line.partition("=") for line in lines)
    return {name.strip(): re.sub(r"\\(.)", r"\1", value) for name, _, value in pairs}


def parse_grub_cfg(text: str, path: str) -> GrubMenu:
    """The menu of the grub.cfg at the guest path `path`. Raises GuestReadError beyond a bound."""
    parser = _Parser(path)
    for line in text.splitlines():
        parser.line(line)
    return parser.menu


class _Parser:
    def __init__(self, path: str) -> None:
        self.menu = GrubMenu()
        self._path = path
        self._open: list[MenuItem | None] = []
        """What each open brace belongs to; None: a function, or another block."""
        self._ifs = 0
        self._default_is_final = False
        self._entries = 0

    def line(self, line: str) -> None:
        if line.strip() == "}":
            self._close()
        elif found := _INTERESTING.match(line):
            self._command(found[1], _words(line))
        elif line.rstrip().endswith("{"):
            self._open.append(None)

    def _command(self, command: str, words: list[str]) -> None:
        if words[-1:] == ["{"]:
            self._begin(command, words)
        elif command == "set":
            self._set(words)
        elif command == "if" and words[-1:] != ["fi"]:
            self._ifs += 1
        elif command == "fi":
            self._ifs = max(0, self._ifs - 1)
        elif command == "blscfg" and self.menu.bls_position is None and not self._open:
            self.menu.bls_position = len(self.menu.items)
        elif command.startswith(("linux", "initrd")):
            self._load(command, words)

    def _begin(self, command: str, words: list[str]) -> None:
        if command not in {"menuentry", "submenu"} or len(words) < 3:
            self._open.append(None)
            return
        self._entries += 1
        if self._entries > MAX_ENTRIES or len(self._open) > MAX_MENU_DEPTH:
            raise GuestReadError(f"{self._path}: more than {MAX_ENTRIES} entries, or too deep")
        item = MenuItem(words[1], _identifier(words), is_submenu=command == "submenu")
        self._siblings().append(item)
        self._open.append(item)

    def _close(self) -> None:
        if self._open:
            self._open.pop()

    def _siblings(self) -> list[MenuItem]:
        item = self._innermost()
        return self.menu.items if item is None else item.children

    def _innermost(self) -> MenuItem | None:
        return next((item for item in reversed(self._open) if item is not None), None)

    def _load(self, command: str, words: list[str]) -> None:
        """`linux IMAGE OPTIONS...` or `initrd FILE...` in a menu entry; the first kernel counts."""
        item = self._innermost()
        if item is None or len(words) < 2:
            return
        old = item.entry
        if command.startswith("linux") and old is None:
            item.entry = BootEntry(
                item.name, item.title, self._path, linux=words[1], options=" ".join(words[2:]), base="/"
            )
        elif command.startswith("initrd") and old is not None and not old.initrds:
            item.entry = BootEntry(
                old.name, old.title, old.source, old.linux, tuple(words[1:]), old.options, base="/"
            )

    def _set(self, words: list[str]) -> None:
        """Outside of any `if` it holds for certain; else the first one that is not for one boot counts."""
        found = _ASSIGNMENT.fullmatch(words[1]) if len(words) > 1 else None
        if found is None or self._open:
            return
        name, value = found.groups()
        if name != "default":
            if len(self.menu.variables) < MAX_VARIABLES:
                self.menu.variables.setdefault(name, value)
        elif "next_entry" in value:
            self.menu.honours_next_entry = True
        elif self._ifs == 0 or not (self.menu.default or self._default_is_final):
            self.menu.default = value
            self._default_is_final = self._ifs == 0


def _identifier(words: list[str]) -> str:
    """The word behind `--id`, or behind the variable that grub-mkconfig writes in its place."""
    for option, value in itertools.pairwise(words):
        if option in {"--id", "$menuentry_id_option", "${menuentry_id_option}"}:
            return value
    return ""


def _words(line: str) -> list[str]:
    if len(line) > MAX_LINE_CHARACTERS:
        return []
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        return line.split()


def select(items: list[MenuItem], default: str) -> MenuItem | None:
    """The entry that the value `default` names: `0`, `1>2`, a title or an id; None where none is.

    A `>` in a title is written `>>`.
    """
    item: MenuItem | None = None
    for part in re.split(r"(?<!>)>(?!>)", default)[:MAX_MENU_DEPTH]:
        item = _named(items, part.replace(">>", ">"))
        if item is None:
            return None
        items = item.children
    return _first_entry(item)


def _named(items: list[MenuItem], name: str) -> MenuItem | None:
    by_name = (item for item in items if name and name in {item.name, item.title})
    if re.fullmatch(r"[0-9]{1,4}", name):
        return items[int(name)] if int(name) < len(items) else None
    return next(by_name, None)


def _first_entry(item: MenuItem | None) -> MenuItem | None:
    """A default that names a submenu boots its first entry."""
    for _ in range(MAX_MENU_DEPTH):
        if item is None or not item.is_submenu:
            return item
        item = item.children[0] if item.children else None
    return None


def all_entries(items: list[MenuItem]) -> list[BootEntry]:
    """Every entry that boots a kernel, in the menu's order."""
    found: list[BootEntry] = []
    pending = list(reversed(items))
    while pending:
        item = pending.pop()
        if item.entry is not None:
            found.append(item.entry)
        pending.extend(reversed(item.children))
    return found
