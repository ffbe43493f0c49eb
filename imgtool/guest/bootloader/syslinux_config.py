"""The configuration of SYSLINUX and EXTLINUX: its lines, and what they add up to.

Sources: Syslinux 6.04, com32/elflink/ldlinux/readconfig.c (what the prompt reads) and com32/menu/readconfig.c
(what menu.c32 and vesamenu.c32 read once more, with other rules); the project's pages "Config" and "Menu".
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from imgtool.guest.bootloader.entry import MAX_ENTRIES
from imgtool.guest.filesystems.base import GuestReadError

MAX_LINE_CHARACTERS = 4095
"""What is longer counts as another line."""
MAX_LINES = 50_000
"""Of all files together."""
MAX_INCLUDES = 32
"""Files that include one another."""

KERNEL_TYPES = (
    "none", "localboot", "kernel", "linux", "boot", "bss", "pxe", "fdimage", "comboot", "com32", "config",
)  # fmt: skip

Action = Literal["command", "disabled", "submenu", "goto", "quit", "help"]
ReadFile = Callable[[str], str | None]
"""The text of a file that INCLUDE names; None where it is not there."""


@dataclass(slots=True, eq=False)
class Label:
    """One LABEL, or an entry that a menu shows in its place."""

    name: str | None
    """None: it cannot be named."""
    title: str = ""
    action: Action = "command"
    command: str = ""
    """The line that runs: `.linux /vmlinuz root=... initrd=...`."""
    submenu: "Menu | None" = None
    hidden: bool = False


@dataclass(slots=True, eq=False)
class Menu:
    """A menu, the first or one below it."""

    name: str
    parent: "Menu | None" = None
    labels: list[Label] = field(default_factory=list)
    default: int = 0
    tenths: int = 0
    """TIMEOUT, in tenths of a second; 0 waits for ever."""
    on_timeout: str = ""
    owner: Label | None = None


@dataclass(slots=True)
class Config:
    """What all lines add up to."""

    root: Menu
    hidden: Menu
    labels: list[Label] = field(default_factory=list)
    """Every one of all menus, in the order of the file."""
    menus: list[Menu] = field(default_factory=list)
    start: Menu | None = None
    default: str = ""
    """DEFAULT: names a label where UI is there as well."""
    command: str | None = None
    """UI, else DEFAULT: what runs without a key; None: neither is there."""
    has_ui: bool = False
    prompt: bool = False
    implicit: bool = True
    options_allowed: bool = True
    tenths: int = 0
    total_tenths: int = 0
    on_timeout: str = ""
    on_error: str = ""
    hidden_menu: bool = False
    shift_key: bool = False
    paths: list[str] = field(default_factory=list)
    """PATH: where modules are looked for."""

    def find(self, command: str) -> Label | None:
        """The label that the first word of `command` names."""
        word = first_word(command)[0]
        return next((label for label in self.labels if label.name == word), None)


@dataclass(slots=True)
class _Open:
    """The LABEL that is being read."""

    name: str
    kernel: str
    kind: str = "kernel"
    append: str | None = None
    initrd: str | None = None
    title: str | None = None
    hide: bool = False
    default: bool = False
    separator: bool = False
    disabled: bool = False
    action: Action = "command"
    target: Menu | None = None
    target_name: str = ""


_FLAGS = {"default": "default", "hide": "hide", "disable": "disabled", "disabled": "disabled"}


def first_word(text: str) -> tuple[str, str]:
    """The word at the start of `text`, and what follows behind blanks."""
    end = next((index for index, character in enumerate(text) if character <= " "), len(text))
    return text[:end], text[end:].lstrip(_BLANKS)


_BLANKS = "".join(map(chr, range(33)))


def number(text: str) -> int:
    """The number at the start, as C's atoi() reads it: 0 where there is none."""
    sign, digits = text[:1], text[1:] if text[:1] in {"+", "-"} else text
    length = next((i for i, c in enumerate(digits) if not ("0" <= c <= "9")), len(digits))
    value = int(digits[: min(length, 18)] or "0")
    return -value if sign == "-" else value


def parse_config(texts: Iterable[str], read: ReadFile, *, by_menu: bool) -> Config:
    """What `texts`, one file behind the other, and the files that they include say.

    `by_menu`: as menu.c32 reads it; else as the prompt does. Raises GuestReadError beyond a bound.
    """
    parser = _Parser(read, by_menu=by_menu)
    for text in texts:
        parser.file(text, 0)
    return parser.finished()


class _Parser:
    def __init__(self, read: ReadFile, *, by_menu: bool) -> None:
        root, hidden = Menu(".top"), Menu(".hidden")
        self.config = Config(root, hidden, menus=[root, hidden], start=root)
        self._read = read
        self._by_menu = by_menu
        self._menu = root
        self._open: _Open | None = None
        self._append: str | None = None
        self._gotos: list[tuple[Label, str]] = []
        self._lines = 0

    def file(self, text: str, depth: int) -> None:
        """One file's lines."""
        if depth > MAX_INCLUDES:
            raise GuestReadError(f"more than {MAX_INCLUDES} files that include one another")
        lines = self._split(text)
        for line in lines:
            word, rest = first_word(line)
            keyword = word.lower()
            if keyword == "text":
                _skip_text(lines)
            elif keyword == "include":
                self._include(rest, depth, with_tag=self._by_menu)
            elif keyword == "menu" and first_word(rest)[0].lower() == "include":
                self._include(first_word(rest)[1], depth, with_tag=True)
            elif keyword == "menu":
                self._menu_line(*first_word(rest))
            else:
                self._line(keyword, rest)

    def finished(self) -> Config:
        """What follows from all lines together."""
        self._record()
        names = {menu.name: menu for menu in reversed(self.config.menus)}
        for label, name in self._gotos:
            label.submenu = names.get(name)
            label.action = "goto" if label.submenu is not None else "disabled"
        config = self.config
        chosen = config.find(config.default) if config.default else None
        if chosen is not None and not chosen.hidden and (config.has_ui or not self._by_menu):
            menu = next(menu for menu in config.menus if chosen in menu.labels)
            menu.default = menu.labels.index(chosen)
            config.start = menu
        return config

    def _split(self, text: str) -> Iterator[str]:
        for raw in text.split("\n"):
            for start in range(0, len(raw) or 1, MAX_LINE_CHARACTERS):
                self._lines += 1
                if self._lines > MAX_LINES:
                    raise GuestReadError(f"more than {MAX_LINES} lines")
                line = raw[start : start + MAX_LINE_CHARACTERS]
                yield line.partition("\0")[0].partition("\r")[0].lstrip(_BLANKS)

    def _include(self, rest: str, depth: int, *, with_tag: bool) -> None:
        name, tag = first_word(rest)
        text = self._read(name)
        if text is None:
            return
        if with_tag and tag:
            self._begin(tag)
        self.file(text, depth + 1)
        if with_tag and tag:
            self._end()

    def _line(self, keyword: str, rest: str) -> None:
        label = self._open
        if keyword == "label":
            self._record()
            name = rest if self._by_menu else first_word(rest)[0]
            self._open = _Open(name, name)
        elif keyword == "append":
            if label is None:
                self._append = rest
            else:
                label.append = rest
        elif keyword == "initrd" and label is not None:
            label.initrd = rest
        elif keyword in KERNEL_TYPES:
            if label is not None:
                label.kernel, label.kind = rest, keyword
        else:
            self._setting(keyword, rest)

    def _setting(self, keyword: str, rest: str) -> None:
        config = self.config
        if keyword == "default":
            config.default = rest
            if not config.has_ui:
                config.command = rest
        elif keyword == "ui":
            config.has_ui, config.command = True, rest
        elif keyword == "timeout":
            config.tenths = self._menu.tenths = number(rest)
        elif keyword == "ontimeout":
            config.on_timeout = self._menu.on_timeout = rest
        elif keyword == "path":
            config.paths.extend(filter(None, rest.split(":")))
        else:
            self._number(keyword, rest)

    def _number(self, keyword: str, rest: str) -> None:
        config = self.config
        if keyword == "prompt":
            config.prompt = number(rest) != 0
        elif keyword == "totaltimeout":
            config.total_tenths = number(rest)
        elif keyword == "implicit":
            config.implicit = number(rest) != 0
        elif keyword == "allowoptions":
            config.options_allowed = number(rest) != 0
        elif keyword == "onerror":
            config.on_error = rest

    def _menu_line(self, word: str, rest: str) -> None:
        keyword = word.lower()
        if keyword in {"begin", "end", "separator"}:
            self._structure(keyword, rest)
        elif keyword == "start":
            self.config.start = self._menu
        elif keyword == "hidden":
            self.config.hidden_menu = True
        elif keyword == "shiftkey":
            self.config.shift_key = True
        elif self._open is not None:
            self._of_label(self._open, keyword, rest)
        elif keyword == "default" and self._menu.parent is not None and self._menu.owner is not None:
            self._menu.parent.default = self._menu.parent.labels.index(self._menu.owner)

    def _structure(self, keyword: str, rest: str) -> None:
        if keyword == "begin":
            self._begin(rest)
        elif keyword == "end":
            self._end()
        else:
            self._record()
            self._open = _Open("", "", separator=True)
            self._record()

    def _of_label(self, label: _Open, keyword: str, rest: str) -> None:
        if keyword == "label":
            label.title = rest
        elif keyword in _FLAGS:
            setattr(label, _FLAGS[keyword], True)
        elif keyword == "quit":
            label.action = "quit"
        elif keyword == "help" and self._by_menu:
            label.action = "help"
        elif keyword == "goto":
            label.action, label.target_name = "goto", rest
        elif keyword == "exit" and self._menu.parent is not None:
            label.action, label.target_name = "goto", rest
            label.target = None if rest else self._menu.parent

    def _begin(self, tag: str) -> None:
        self._record()
        owner = Label(None, tag, "submenu")
        self._menu.labels.append(owner)
        above = self._menu
        self._menu = Menu(tag, above, tenths=above.tenths, on_timeout=above.on_timeout, owner=owner)
        owner.submenu = self._menu
        self.config.menus.append(self._menu)
        self._check_bound()

    def _end(self) -> None:
        self._record()
        self._menu = self._menu.parent or self._menu

    def _record(self) -> None:
        """The LABEL that was being read is whole."""
        label, self._open = self._open, None
        if label is None:
            return
        menu = self.config.hidden if label.hide else self._menu
        cannot_run = label.separator or label.disabled
        entry = Label(
            None if cannot_run else label.name,
            "" if label.separator else (label.title if label.title is not None else label.name),
            "disabled" if cannot_run else label.action,
            self._command(label),
            label.target,
            label.hide,
        )
        menu.labels.append(entry)
        self.config.labels.append(entry)
        self._check_bound()
        if entry.action == "goto" and label.target is None:
            self._gotos.append((entry, label.target_name))
        if label.default and entry.action in ({"command", "goto"} if self._by_menu else {"command"}):
            menu.default = len(menu.labels) - 1

    def _command(self, label: _Open) -> str:
        append = label.append if label.append is not None else self._append
        words = [label.kernel if label.kind == "kernel" else f".{label.kind} {label.kernel}"]
        if append and append != "-":
            words.append(append)
        if label.initrd is not None:
            words.append(f"initrd={label.initrd}")
        return " ".join(words)

    def _check_bound(self) -> None:
        if len(self.config.labels) + len(self.config.menus) > MAX_ENTRIES:
            raise GuestReadError(f"more than {MAX_ENTRIES} entries")


def _skip_text(lines: Iterator[str]) -> None:
    """What stands up to ENDTEXT is for people."""
    for line in lines:
        if first_word(line)[0].lower() == "endtext":
            return
