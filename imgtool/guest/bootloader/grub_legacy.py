"""GRUB legacy (0.97): its menu, and what it loads from it.

Source: the GNU GRUB Legacy manual, "Configuration", "Commands" and "Invoking a menu"; stage2/cmdline.c (a
`=` counts as a blank; run_script, which ends an entry at its first error), stage2/builtins.c for the
commands, and stage2/stage2.c (`run_menu`, which passes over unknown words before the first title).
Debian's `menu.lst`, Red Hat's `grub.conf`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from imgtool.guest.bootloader.entry import MAX_ENTRIES, BootEntry
from imgtool.guest.bootloader.files import LoaderFiles, read_whole
from imgtool.guest.bootloader.kernel_image import read_kernel_image
from imgtool.guest.bootloader.run import LoadedEntry, LoaderFile, LoaderRun
from imgtool.guest.bootloader.start import Start
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.mounts import Device
from imgtool.guest.volumes import DiskLayout
from imgtool.util.text import printable

MENUS = ("/boot/grub/menu.lst", "/boot/grub/grub.conf", "/grub/menu.lst", "/grub/grub.conf")
SAVED = "default"
"""The file beside the menu that `default saved` reads."""
MAX_MENU_BYTES = 1 << 20
COMMANDS = frozenset(
    (
        *("root", "rootnoverify", "uuid", "kernel", "initrd", "chainloader", "configfile", "boot", "module"),
        *(
            "modulenounzip",
            "makeactive",
            "map",
            "hide",
            "unhide",
            "parttype",
            "partnew",
            "savedefault",
            "lock",
        ),
        *("password", "pause", "halt", "reboot", "quit", "find", "uppermem", "color", "splashimage", "debug"),
        *("hiddenmenu", "serial", "terminal", "timeout", "default", "fallback", "background", "foreground"),
        *("geometry", "clear", "cat", "cmp", "setkey", "install", "setup", "embed", "impsprobe", "ioprobe"),
        *("displaymem", "displayapm", "vbeprobe", "testload", "testvbe", "blocklist", "md5crypt", "viewport"),
        *("ifconfig", "bootp", "dhcp", "rarp", "tftpserver", "title", "quiet", "findiso", "shade", "gfxmenu"),
    )
)
"""Those of 0.97, and what Debian, SUSE and Red Hat added."""
ENDS = {
    "pause": "it waits for a key (pause)",
    "password": "it asks for a password",
    "halt": "it switches the machine off (halt)",
    "reboot": "it starts the machine anew (reboot)",
    "quit": "it ends (quit)",
}
"""Commands that keep an entry from going on by itself."""
NOT_FOLLOWED = frozenset({"chainloader", "configfile"})
TERMINALS = frozenset({"console", "serial", "hercules"})
ON_THE_FIRST_DISK = re.compile(r"\(hd0(?:,([0-9]{1,3}))?\)(.*)", re.DOTALL)


@dataclass(slots=True)
class _Title:
    name: str
    commands: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Menu:
    file: LoaderFile
    default: str = "0"
    timeout: int | None = None
    fallback: tuple[int, ...] = ()
    has_password: bool = False
    asks_terminals: bool = False
    """Which terminal is meant, it asks whoever presses a key first; without end."""
    titles: list[_Title] = field(default_factory=list)


def run_grub_legacy(start: Start, devices: Sequence[Device], layout: DiskLayout) -> LoaderRun:
    """What GRUB legacy comes to, its menu being on `start.device`, else where the only one is."""
    del layout
    try:
        menus = _menus([start.device] if start.device is not None else devices)
        if len(menus) != 1:
            found = ", ".join(map(str, menus)) or "no menu.lst and no grub.conf"
            return LoaderRun("unknown", f"{start.place}: which menu it reads is not known: {found}")
        return _run(_read(menus[0]), devices)
    except GuestReadError as error:
        return LoaderRun("unknown", f"{start.place}: {error}")


def _menus(devices: Sequence[Device]) -> list[LoaderFile]:
    """The menu of each file system that has one."""
    found = []
    for device in devices:
        if device.filesystem.type in {"swap", "LVM2_member"}:
            continue
        try:
            files = LoaderFiles(device)
            menu = next((file for path in MENUS if (file := files.find(path)) is not None), None)
        except GuestReadError:
            continue  # GRUB legacy reads the file systems of its time, which are read here
        found.extend([menu] if menu is not None else [])
    return found


def _read(file: LoaderFile) -> _Menu:
    menu = _Menu(file)
    text = read_whole(file, MAX_MENU_BYTES).decode("utf-8", "replace")
    for line in text.replace("\\\n", " ").splitlines():
        word, rest = _split(line.strip())
        if not word or word.startswith("#"):
            continue
        if word == "title":
            menu.titles.append(_Title(rest))
        elif menu.titles:
            menu.titles[-1].commands.append((word, rest))
        else:
            _set(menu, word, rest)
        if len(menu.titles) > MAX_ENTRIES:
            raise GuestReadError(f"{file}: more than {MAX_ENTRIES} entries")
    return menu


def _split(line: str) -> tuple[str, str]:
    """The command and what follows: blanks and `=` stand between them."""
    end = next((i for i, c in enumerate(line) if c in " \t="), len(line))
    return line[:end], line[end:].lstrip(" \t=")


def _set(menu: _Menu, word: str, rest: str) -> None:
    if word == "default":
        menu.default = rest.strip()
    elif word == "timeout" and rest.split() and rest.split(maxsplit=1)[0].isdecimal():
        menu.timeout = int(rest.split(maxsplit=1)[0][:9])
    elif word == "password":
        menu.has_password = True
    elif word == "terminal":
        devices = TERMINALS.intersection(rest.split())
        menu.asks_terminals = len(devices) > 1 and "--timeout" not in rest
    elif word == "fallback":
        menu.fallback = tuple(int(one[:9]) for one in rest.split() if one.isdecimal())


def _run(menu: _Menu, devices: Sequence[Device]) -> LoaderRun:
    places = (str(menu.file),)
    if not menu.titles:
        return LoaderRun("prompt", f"{menu.file} has no title: GRUB legacy waits at its prompt", places)
    if menu.asks_terminals:
        reason = f"{menu.file}: terminal without --timeout waits for a key on one of several terminals"
        return LoaderRun("prompt", reason, places)
    entries = tuple(_Entry(menu, title, devices).entry for title in menu.titles)
    index, why = _default(menu)
    tried = [index, *(one for one in menu.fallback if one < len(menu.titles))]
    tries = [_Entry(menu, menu.titles[one], devices) for one in tried]
    loaded = [one.loaded() for one in tries]
    first = next((at for at, one in enumerate(loaded) if not one.problem or tries[at].not_followed), 0)
    booted = loaded[first]
    shown = f"{printable(booted.entry.title)} ({why})"
    if menu.timeout is None:
        return LoaderRun(
            "menu", f"no timeout: its menu waits for a key, with {shown}", places, None, booted, entries
        )
    if booted.problem:
        end: Literal["unknown", "error"] = "unknown" if tries[first].not_followed else "error"
        return LoaderRun(end, f"{shown}: {booted.problem}", places, None, booted, entries)
    return LoaderRun("entry", shown, places, float(menu.timeout), booted, entries)


def _default(menu: _Menu) -> tuple[int, str]:
    """The number of the default entry; one that is not there counts as the first."""
    value, why = menu.default, f"default {menu.default}"
    if value == "saved":
        beside = menu.file.path.rpartition("/")[0]
        saved = LoaderFiles(menu.file.device).read(f"{beside}/{SAVED}", MAX_MENU_BYTES) or b"0"
        value = (saved.decode("ascii", "replace").split() or ["0"])[0]
        why = f"saved {printable(value)}"
    number = int(value[:9]) if value.isdecimal() else 0
    return (number, why) if number < len(menu.titles) else (0, f"{why}, which is not there: the first")


class _Entry:
    """One title: the kernel and the initrd that its commands name."""

    def __init__(self, menu: _Menu, title: _Title, devices: Sequence[Device]) -> None:
        self._menu = menu
        self._title = title
        self._devices = devices
        self._device: Device | None = menu.file.device
        self._kernel: tuple[Device | None, str] = (None, "")
        self._initrds: list[tuple[Device | None, str]] = []
        self._other = ""
        self._options = ""
        self._ends = ""
        for word, rest in title.commands:
            self._ends = self._end(word)
            if self._ends:
                break
            self._command(word, rest)

    @property
    def entry(self) -> BootEntry:
        names = tuple(path for _, path in self._initrds)
        return BootEntry(
            self._title.name,
            self._title.name,
            str(self._menu.file),
            self._kernel[1],
            names,
            self._options,
            base="/",
        )

    @property
    def not_followed(self) -> bool:
        """It starts another loader or another menu."""
        return bool(self._other) and not self._kernel[1] and not self._ends

    def _end(self, word: str) -> str:
        """Why the entry goes no further than this command; empty where it does."""
        if word not in COMMANDS:
            return f"{printable(word)}: unrecognized command (error 27)"
        if word == "lock" and self._menu.has_password:
            return "it is locked by a password (lock)"
        return ENDS.get(word, "")

    def loaded(self) -> LoadedEntry:
        """What becomes of it."""
        if self._ends:
            return LoadedEntry(self.entry, None, problem=self._ends)
        if not self._kernel[1]:
            problem = (
                f"it starts {self._other}, whose work is not followed" if self._other else "it has no kernel"
            )
            return LoadedEntry(self.entry, None, problem=problem)
        kernel = self._file(*self._kernel)
        if kernel is None:
            return LoadedEntry(self.entry, None, problem=f"{printable(self._kernel[1])}: file not found")
        problem = read_kernel_image(kernel.open(), kernel.size_bytes).problem
        if problem:
            return LoadedEntry(self.entry, None, problem=f"{kernel} is not started: {problem}")
        initrds = [(path, self._file(device, path)) for device, path in self._initrds]
        gone = next((path for path, file in initrds if file is None), None)
        if gone is not None:
            return LoadedEntry(self.entry, None, problem=f"{printable(gone)}: file not found")
        return LoadedEntry(self.entry, kernel, tuple(file for _, file in initrds if file is not None))

    def _command(self, word: str, rest: str) -> None:
        if word in {"root", "rootnoverify"}:
            self._device = self._place(rest)[0]
        elif word == "uuid":
            self._device = next((d for d in self._devices if d.filesystem.uuid == rest.strip()), None)
        elif word == "kernel":
            words = [one for one in rest.split() if not one.startswith("--")]
            self._kernel = self._place(words[0] if words else "")
            self._options = " ".join(words[1:])
        elif word == "initrd":
            self._initrds = [self._place(one) for one in rest.split()[:1]]
        elif word in NOT_FOLLOWED:
            self._other = f"{word} {printable(rest)}"

    def _place(self, text: str) -> tuple[Device | None, str]:
        """A device by `(hd0,N)`, counted from 0, and the path behind it."""
        found = ON_THE_FIRST_DISK.fullmatch(text.strip())
        if found is None:
            return (None if text.startswith("(") else self._device), text.strip()
        number = int(found[1]) + 1 if found[1] is not None else None
        for device in self._devices:
            partition = device.partition.number if device.partition is not None else None
            if partition == number and not device.volume.is_logical:
                return device, found[2].strip()
        return None, found[2].strip()

    def _file(self, device: Device | None, path: str) -> LoaderFile | None:
        return LoaderFiles(device).find(path) if device is not None else None
