"""SYSLINUX and EXTLINUX: what runs without a key, and what it loads.

Sources: Syslinux 6.04, com32/elflink/ldlinux/ldlinux.c and execute.c (labels, types by suffix, the prompt),
kernel.c (kernel and initrd), cli.c (timeouts), com32/menu/menumain.c (menu.c32 and vesamenu.c32).
"""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass

from imgtool.guest.bootloader.entry import BootEntry
from imgtool.guest.bootloader.files import read_whole
from imgtool.guest.bootloader.kernel_image import read_kernel_image
from imgtool.guest.bootloader.run import LoadedEntry, LoaderEnd, LoaderFile, LoaderRun
from imgtool.guest.bootloader.start import Start
from imgtool.guest.bootloader.syslinux_config import (
    KERNEL_TYPES,
    Config,
    Label,
    Menu,
    first_word,
    parse_config,
)
from imgtool.guest.bootloader.syslinux_files import MAX_CONFIG_BYTES, SyslinuxFiles
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.mounts import Device
from imgtool.guest.volumes import DiskLayout
from imgtool.util.text import printable

MAX_CONFIGS = 8
"""Configurations that one another's CONFIG starts."""
MAX_INITRDS = 100
SUFFIXES = {
    ".c32": "com32",
    ".img": "fdimage",
    ".bss": "bss",
    ".bin": "boot",
    ".bs": "boot",
    ".0": "pxe",
}
"""What a file is taken for by its name, in this order."""
SECTORS = frozenset({"boot", "bss", "pxe"})
MENUS = frozenset({"menu.c32", "vesamenu.c32"})
TYPES_THAT_RUN = frozenset(KERNEL_TYPES) - {"none", "comboot"}


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a command comes to."""

    end: LoaderEnd
    reason: str
    booted: LoadedEntry | None = None
    seconds: float | None = 0.0


def run_syslinux(start: Start, devices: Sequence[Device], layout: DiskLayout) -> LoaderRun:
    """What SYSLINUX or EXTLINUX comes to, installed in `start.prefix` of `start.device`."""
    del devices, layout
    if start.device is None:
        return LoaderRun("unknown", f"{start.place}: its file system is not known")
    run = None
    try:
        run = _Run(start, start.device)
        return run.result()
    except GuestReadError as error:
        return LoaderRun("unknown", f"SYSLINUX: {error}", tuple(run.places) if run is not None else ())


class _Run:
    def __init__(self, start: Start, device: Device) -> None:
        self._files = SyslinuxFiles(start, device)
        self.places: list[str] = []
        self._entries: tuple[BootEntry, ...] = ()
        self._configs = 0
        self._config_file: LoaderFile | None = None

    def result(self) -> LoaderRun:
        problem = self._files.problem()
        if problem:
            return LoaderRun("error", problem, tuple(self.places))
        self._config_file = self._files.find_config()
        if self._config_file is None:
            reason = f"no configuration file in {self._files.directory}: its prompt waits for a key"
            return LoaderRun("prompt", reason)
        found = self._configured(self._config_file)
        return LoaderRun(
            found.end, found.reason, tuple(self.places), found.seconds, found.booted, self._entries
        )

    def _configured(self, file: LoaderFile) -> _Outcome:
        """Go on from the reading of a configuration."""
        self._configs += 1
        if self._configs > MAX_CONFIGS:
            raise GuestReadError(f"{file}: more than {MAX_CONFIGS} configurations start one another")
        self._config_file = file
        config = self._parsed([file], by_menu=False)
        self._files.paths.extend(config.paths)
        if not config.prompt or config.has_ui:
            return self._automatic(config)
        return self._prompt(config)

    def _parsed(self, files: Sequence[LoaderFile], *, by_menu: bool) -> Config:
        self.places.extend(str(file) for file in files if str(file) not in self.places)
        texts = [read_whole(file, MAX_CONFIG_BYTES).decode("utf-8", "replace") for file in files]
        config = parse_config(texts, self._files.text, by_menu=by_menu)
        commands = [label for label in config.labels if label.action == "command"]
        self._entries = tuple(self._entry(label, label.command) for label in commands)
        return config

    def _automatic(self, config: Config) -> _Outcome:
        """What runs without the prompt. What does not start ends at the prompt, which may go on by itself."""
        if config.command is None:
            found = _Outcome("prompt", "no DEFAULT and no UI: its prompt waits for a key", None, None)
        else:
            found = self._load(config, config.command)
        waits = config.tenths or config.total_tenths
        if found.end in {"error", "prompt"} and waits and config.on_timeout:
            return self._after(self._load(config, config.on_timeout), waits)
        return found

    def _prompt(self, config: Config) -> _Outcome:
        """PROMPT 1: the prompt waits, for ever where no timeout is set."""
        waits = config.tenths or config.total_tenths
        command = config.on_timeout if waits and config.on_timeout else config.command
        if command is None:
            return _Outcome("prompt", "no DEFAULT: its prompt waits for a key", None, None)
        found = self._load(config, command)
        if waits > 0:
            return self._after(found, waits)
        return _Outcome("prompt", "PROMPT 1 without TIMEOUT: its prompt waits for a key", found.booted, None)

    def _after(self, found: _Outcome, tenths: int) -> _Outcome:
        seconds = None if found.seconds is None else found.seconds + tenths / 10
        return _Outcome(found.end, found.reason, found.booted, seconds)

    def _load(self, config: Config, command: str) -> _Outcome:
        """A label with what follows it, or a command line itself; else what ONERROR says."""
        found = self._first_try(config, command)
        if found.end != "error" or not config.on_error:
            return found
        label = config.find(config.on_error)
        instead = label.command if label is not None else config.on_error
        more = f"{instead} {config.command or ''}"
        return self._execute(more, _type(more), label)

    def _first_try(self, config: Config, command: str) -> _Outcome:
        label = config.find(command)
        word, rest = first_word(command)
        if label is not None:
            line = f"{label.command} {rest}" if rest else label.command
            return self._execute(line, _type(line), label)
        if not config.implicit:
            return _Outcome("error", f"{printable(word)} is no label, and IMPLICIT 0 allows nothing else")
        if not config.options_allowed:
            command = word
        if _type(command) == "kernel":
            suffix = next((s for s in SUFFIXES if self._files.find(word + s) is not None), "")
            command = f"{word}{suffix}{command[len(word) :]}"
        return self._execute(command, _type(command), None)

    def _execute(self, command: str, kind: str, label: Label | None) -> _Outcome:
        word, rest = first_word(command)
        if word.startswith(".") and word[1:] in TYPES_THAT_RUN:
            kind, (word, rest) = word[1:], first_word(rest)
            if kind == "com32" and not word.endswith(".c32"):
                word += ".c32"
        if kind == "com32":
            return self._module(word, rest)
        if kind == "config":
            return self._other_config(word, rest)
        if kind == "localboot":
            return _Outcome("firmware", f"LOCALBOOT {printable(word)}: it goes back to the firmware")
        if kind in SECTORS:
            return self._sector(word, kind)
        return self._linux(label, f".linux {word} {rest}")

    def _other_config(self, name: str, directory: str) -> _Outcome:
        file = self._files.find(name)
        if directory:
            self._files.working = posixpath.join(self._files.working, first_word(directory)[0])
        if file is None:
            return _Outcome("prompt", f"CONFIG {printable(name)} is not there: its prompt waits for a key")
        return self._configured(file)

    def _sector(self, name: str, kind: str) -> _Outcome:
        file = self._files.find(name)
        if file is None:
            return _Outcome("error", f"{printable(name)} is not there")
        if read_kernel_image(file.open(), file.size_bytes).has_boot_flag:
            reason = (
                f"{file} is taken for a boot sector ({kind}) by the end of its name: KERNEL in place of LINUX"
            )
            return _Outcome("error", reason)
        return _Outcome("unknown", f"it starts {file}, another boot loader, whose work is not followed")

    def _linux(self, label: Label | None, command: str) -> _Outcome:
        """Do as new_linux_kernel() does: the first `initrd=` of the line counts, and no other."""
        entry = self._entry(label, command)
        loaded = self._loaded(entry)
        shown = f"{printable(entry.title)} of {self._config_file}"
        if loaded.problem:
            return _Outcome("error", f"{shown}: {loaded.problem}", loaded)
        return _Outcome("entry", shown, loaded)

    def _loaded(self, entry: BootEntry) -> LoadedEntry:
        kernel = self._files.find(entry.linux)
        if kernel is None:
            return LoadedEntry(
                entry, None, problem=f"Loading {printable(entry.linux)} failed: it is not there"
            )
        image = read_kernel_image(kernel.open(), kernel.size_bytes)
        problem = image.problem or ("" if image.has_boot_flag else "it has no boot sector of Linux")
        if problem:
            return LoadedEntry(entry, None, problem=f"{kernel} is not started: {problem}")
        initrds = []
        for name in entry.initrds:
            file = self._files.find(name)
            if file is None:
                return LoadedEntry(
                    entry, None, problem=f"Loading {printable(name) or 'initrd='} failed: it is not there"
                )
            initrds.append(file)
        return LoadedEntry(entry, kernel, tuple(initrds))

    def _entry(self, label: Label | None, command: str) -> BootEntry:
        word, rest = first_word(command)
        if word.startswith(".") and word[1:] in TYPES_THAT_RUN:
            word, rest = first_word(rest)
        options = rest.strip()
        name = label.name if label is not None and label.name is not None else word
        return BootEntry(
            name=name,
            title=(label.title.replace("^", "") if label is not None else "") or name,
            source=str(self._config_file),
            linux=word,
            initrds=_initrds(f"BOOT_IMAGE={word} {options}"),
            options=options,
            base=self._files.working,
        )

    def _module(self, name: str, arguments: str) -> _Outcome:
        problem = self._files.module_problem(name)
        if problem:
            return _Outcome("error", f"{problem}: its prompt waits for a key")
        if posixpath.basename(name).lower() not in MENUS:
            return _Outcome("unknown", f"it runs {printable(name)}, whose work is not followed")
        files = [self._files.find(word) for word in arguments.split()] or [self._config_file]
        config = self._parsed([file for file in files if file is not None], by_menu=True)
        return self._menu(config, config.start or config.root)

    def _menu(self, config: Config, menu: Menu) -> _Outcome:
        """menu.c32: after TIMEOUT its default, or ONTIMEOUT; without TIMEOUT it waits for ever."""
        if not menu.labels:
            return _Outcome("error", "the menu has no LABEL: its prompt waits for a key")
        label = menu.labels[min(menu.default, len(menu.labels) - 1)]
        if config.shift_key:
            return self._chosen(config, label, "")
        waits = menu.tenths
        if not config.hidden_menu and _shown(menu) != menu.default:
            waits = 0  # the mark moved off an entry that cannot be chosen, which ends the countdown
        waits = min(filter(None, (waits, config.total_tenths)), default=0)
        found = self._chosen(config, label, menu.on_timeout)
        if waits > 0:
            return self._after(found, waits)
        return _Outcome("menu", "no TIMEOUT: its menu waits for a key", found.booted, None)

    def _chosen(self, config: Config, label: Label, instead: str) -> _Outcome:
        if instead:
            named = config.find(instead)
            line = f"{named.command} {first_word(instead)[1]}" if named is not None else instead
            return self._execute(line, _type(line), named)
        if label.action != "command":
            reason = f"{printable(label.title)} is no entry that boots: its prompt waits for a key"
            return _Outcome("prompt", reason, None, None)
        return self._execute(label.command, _type(label.command), label)


def _shown(menu: Menu) -> int:
    """The entry that the menu marks at first: the default one, or one beside it that can be chosen."""
    labels, mark = menu.labels, menu.default
    if mark <= 0:
        mark = next((i for i, label in enumerate(labels) if label.action != "disabled"), len(labels))
    if mark >= len(labels) - 1:
        mark = len(labels) - 1
        while mark > 0 and labels[mark].action == "disabled":
            mark -= 1
    return mark


def _type(command: str) -> str:
    """What the first word is taken for: `kernel` unless its suffix says something else."""
    word = first_word(command)[0]
    return next((kind for suffix, kind in SUFFIXES.items() if word.endswith(suffix)), "kernel")


def _initrds(line: str) -> tuple[str, ...]:
    """The files behind the first `initrd=`, wherever that stands."""
    _, found, rest = line.partition("initrd=")
    return tuple(rest.partition(" ")[0].split(",")[:MAX_INITRDS]) if found else ()
