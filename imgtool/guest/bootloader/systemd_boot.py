"""systemd-boot: its configuration, its menu, the entry that it starts, and what it makes of that.

Sources: loader.conf(5), systemd-boot(7); systemd 252 and 257, src/boot/boot.c: config_load_all_entries,
config_defaults_load_from_file, config_select_default_entry, run, image_start, initrd_prepare. A new instance
has empty EFI variables, so those that would overrule the configuration are not there: nothing is `@saved`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from imgtool.guest.bootloader import bls
from imgtool.guest.bootloader.entry import BootEntry
from imgtool.guest.bootloader.files import LoaderFiles, read_whole
from imgtool.guest.bootloader.kernel_image import read_kernel_image
from imgtool.guest.bootloader.patterns import matches
from imgtool.guest.bootloader.run import LoadedEntry, LoaderFile, LoaderRun
from imgtool.guest.bootloader.start import Start
from imgtool.guest.bootloader.systemd_boot_entries import (
    EFI_NAMES,
    MenuEntry,
    Reader,
    sorted_entries,
)
from imgtool.guest.bootloader.unified import efi_problem, load_unified, program_version, read_unified
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.mounts import Device
from imgtool.guest.partitions import XBOOTLDR_GUID
from imgtool.guest.volumes import DiskLayout
from imgtool.util.text import printable

CONFIGURATION = "/loader/loader.conf"
DRIVERS = "/EFI/systemd/drivers"
MAX_CONFIGURATION_BYTES = 1 << 20
MAX_TIMEOUT = (1 << 32) - 1
MENU_WITHOUT_ENTRIES_SECONDS = 10
FIRST_WITH_MENU_DISABLED = 257
FIRST_WITH_PREFERRED = 260
FIRMWARE_SETUP = "auto-reboot-to-firmware-setup"
BOOLEANS = {
    **dict.fromkeys(("1", "yes", "y", "true", "t", "on"), True),
    **dict.fromkeys(("0", "no", "n", "false", "f", "off"), False),
}


@dataclass(slots=True)
class Settings:
    """What loader.conf says of the menu."""

    timeout: int = 0
    """Seconds that the menu is shown; 0: it is not."""
    waits: bool = False
    """`menu-force`: it is shown until a key is pressed."""
    disabled: bool = False
    default: str = ""
    preferred: str = ""
    auto_entries: bool = True
    auto_firmware: bool = True


def run_systemd_boot(start: Start, devices: Sequence[Device], layout: DiskLayout) -> LoaderRun:
    """What systemd-boot comes to, started from `start.path` on `start.device`."""
    if start.device is None:
        return LoaderRun("unknown", f"{start.place}: its file system is not known")
    try:
        return _Run(start, start.device, devices, layout).result()
    except GuestReadError as error:
        return LoaderRun("unknown", f"systemd-boot: {error}", (start.place,))


class _Run:
    def __init__(self, start: Start, device: Device, devices: Sequence[Device], layout: DiskLayout) -> None:
        self._esp = LoaderFiles(device)
        self._place = start.place
        self._architecture = start.architecture
        self._reader = Reader(_absolute(start.path), start.architecture, _major(self._esp, start.path))
        self._places = [self._esp, *_extended(self._esp, devices, layout)]
        self._configuration = self._esp.find(CONFIGURATION)
        self._settings = read_settings(self._configuration, self._reader)

    def result(self) -> LoaderRun:
        entries = [*sorted_entries(self._places, self._reader), *self._automatic()]
        if not entries:
            reason = "systemd-boot finds no entry: nothing in loader/entries and EFI/Linux that it can start"
            return LoaderRun("error", reason, self._read())
        chosen, why = self._default(entries)
        if chosen.kind == "firmware":
            reason = "systemd-boot finds no system to start: its only entry goes back to the firmware's setup"
            return LoaderRun("firmware", reason, self._read())
        shown = tuple(self._shown(entry) for entry in entries if entry.kind != "firmware")
        return self._started(chosen, why, shown)

    def _started(self, chosen: MenuEntry, why: str, entries: tuple[BootEntry, ...]) -> LoaderRun:
        settings = self._settings
        shown = f"{printable(chosen.title or chosen.identifier)} ({printable(chosen.identifier)}, {why})"
        places = (*self._read(), chosen.source)
        booted, end = self._loaded(chosen)
        if settings.waits:
            reason = f"timeout menu-force: its menu waits for a key, with {shown} marked"
            return LoaderRun("menu", reason, places, None, booted, entries)
        if end == "unknown" and self._is_own_start(chosen):
            reason = f"systemd-boot finds no entry but {shown}, which is what starts systemd-boot itself"
            return LoaderRun("error", reason, places, None, None, entries)
        if end == "unknown":
            reason = f"{shown}: it starts another EFI program, whose work is not followed"
            return LoaderRun("unknown", reason, places, None, booted, entries)
        if booted.problem:
            return LoaderRun("error", f"{shown}: {booted.problem}", places, None, booted, entries)
        return LoaderRun("entry", shown, places, float(settings.timeout), booted, entries)

    def _is_own_start(self, chosen: MenuEntry) -> bool:
        """Whether it is the program by which the firmware came here: shim at the fallback's path."""
        path = chosen.program.strip("/").lower()
        return chosen.kind == "auto" and self._place.lower().startswith(f"{path}, which starts")

    def _read(self) -> tuple[str, ...]:
        return (str(self._configuration),) if self._configuration is not None else ()

    def _default(self, entries: Sequence[MenuEntry]) -> tuple[MenuEntry, str]:
        """The entry that is started, and why that one."""
        settings = self._settings
        for pattern, name in ((settings.preferred, "preferred"), (settings.default, "default")):
            for entry in entries if pattern and pattern != "@saved" else ():
                is_bad = name == "preferred" and entry.tries is not None and entry.tries.left == 0
                if not is_bad and matches(pattern, entry.identifier):
                    return entry, f"{name} {printable(pattern)}"
        for entry in entries:
            if entry.kind not in {"auto", "firmware"}:
                return entry, self._why_first(entry)
        if settings.timeout == 0 and not settings.disabled:
            settings.timeout = MENU_WITHOUT_ENTRIES_SECONDS
        return entries[0], "there is no other"

    def _why_first(self, entry: MenuEntry) -> str:
        by = f"sort-key {printable(entry.sort_key)}" if entry.sort_key is not None else "its name"
        if not self._settings.default:
            return f"the first by {by}"
        return f"the first by {by}, as no entry is {printable(self._settings.default)}"

    def _automatic(self) -> Iterator[MenuEntry]:
        """The entries for what others have put on the ESP; the last one goes to the firmware's setup."""
        machine = EFI_NAMES.get(self._architecture, self._architecture)
        if self._settings.auto_entries:
            yield from self._found("auto-windows", "Windows Boot Manager", "/EFI/Microsoft/Boot/bootmgfw.efi")
            yield from self._found("auto-efi-shell", "EFI Shell", f"/shell{machine}.efi")
            fallback = f"/EFI/BOOT/BOOT{machine}.efi"
            itself = (fallback, f"/EFI/BOOT/GRUB{machine}.EFI")
            if fallback.lower() != self._reader.path.lower() and not any(map(self._is_systemd_boot, itself)):
                yield from self._found("auto-efi-default", "EFI Default Loader", fallback)
        if self._settings.auto_firmware:
            yield MenuEntry(
                FIRMWARE_SETUP, "firmware", self._esp, "", "", title="Reboot Into Firmware Interface"
            )

    def _found(self, identifier: str, title: str, path: str) -> Iterator[MenuEntry]:
        file = self._esp.lookup(path)
        if file is not None:
            yield MenuEntry(identifier, "auto", self._esp, str(file), file.path, title=title)

    def _is_systemd_boot(self, path: str) -> bool:
        file = self._esp.find(path)
        try:
            return file is not None and program_version(file).name == "systemd-boot"
        except GuestReadError:
            return False

    def _loaded(self, chosen: MenuEntry) -> tuple[LoadedEntry, str]:
        """What it loads for the entry; `unknown` where that is another EFI program."""
        file = chosen.files.find(chosen.program)
        if file is None:
            return _in_vain(chosen, f"{printable(chosen.program)} is no file"), ""
        problem = efi_problem(file, self._architecture)
        if problem:
            return _in_vain(chosen, f"{file} is not loaded: {problem}"), ""
        if chosen.kind != "linux" or _is_unified(file):
            return self._program(chosen, file)
        return self._kernel(chosen, file), ""

    def _program(self, chosen: MenuEntry, file: LoaderFile) -> tuple[LoadedEntry, str]:
        """A unified kernel image, by whatever kind of entry; else a program that is not followed."""
        is_stub = chosen.kind == "unified" and program_version(file).name != "systemd-boot"
        if chosen.kind == "auto" or not (is_stub or _is_unified(file)):
            return _in_vain(chosen, ""), "unknown"
        return self._unified(chosen, file), ""

    def _unified(self, chosen: MenuEntry, file: LoaderFile) -> LoadedEntry:
        loaded = load_unified(chosen.files, file, self._architecture, chosen.options, chosen.profile)
        title, name = chosen.title or loaded.entry.title, chosen.entry.name
        return replace(loaded, entry=replace(loaded.entry, title=title, name=name, source=chosen.source))

    def _shown(self, chosen: MenuEntry) -> BootEntry:
        """An entry of the menu as facts have it: a unified image says itself what it starts with."""
        file = chosen.files.find(chosen.program) if chosen.kind == "unified" else None
        return self._unified(chosen, file).entry if file is not None else chosen.entry

    def _kernel(self, chosen: MenuEntry, file: LoaderFile) -> LoadedEntry:
        problem = read_kernel_image(file.open(), file.size_bytes).problem
        if problem:
            return _in_vain(chosen, f"{file} is not started: {problem}")
        found = []
        for path in chosen.initrds:
            initrd = chosen.files.find(path)
            if initrd is None:
                return _in_vain(chosen, f"its initrd {printable(path)} is not there")
            found.append(initrd)
        return LoadedEntry(chosen.entry, file, tuple(found))


def _in_vain(chosen: MenuEntry, problem: str) -> LoadedEntry:
    return LoadedEntry(chosen.entry, None, problem=problem)


def _is_unified(file: LoaderFile) -> bool:
    try:
        return read_unified(file).section(".linux") is not None
    except GuestReadError:
        return False


def _absolute(path: str) -> str:
    return "/" + path.replace("\\", "/").lstrip("/")


def _major(files: LoaderFiles, path: str) -> int | None:
    file = files.find(_absolute(path))
    try:
        version = program_version(file) if file is not None else None
    except GuestReadError:
        return None
    return version.major if version is not None and version.name == "systemd-boot" else None


def _extended(esp: LoaderFiles, devices: Sequence[Device], layout: DiskLayout) -> Iterator[LoaderFiles]:
    """The first XBOOTLDR partition of a GPT, where the firmware reads it: FAT, else by drivers on the ESP."""
    if layout.scheme != "gpt":
        return
    number = next((one.number for one in layout.partitions if one.type == XBOOTLDR_GUID), None)
    device = next((d for d in devices if d.partition is not None and d.partition.number == number), None)
    if device is not None and (device.filesystem.type == "vfat" or _has_drivers(esp)):
        yield LoaderFiles(device)


def _has_drivers(esp: LoaderFiles) -> bool:
    return any(name.lower().endswith(".efi") for name in esp.names(DRIVERS))


def read_settings(file: LoaderFile | None, reader: Reader) -> Settings:
    """What loader.conf says; the later line of two of the same key counts. None: there is no such file."""
    settings = Settings()
    text = "" if file is None else bls.decoded(read_whole(file, MAX_CONFIGURATION_BYTES))
    for key, value in bls.key_values(text, quotes=reader.quotes):
        if key == "timeout":
            _set_timeout(settings, value, reader)
        elif key == "default" and (not value.startswith("@") or value.lower() == "@saved"):
            settings.default = value.lower()
        elif key == "preferred" and reader.major is not None and reader.is_at_least(FIRST_WITH_PREFERRED):
            settings.preferred = value.lower()
        elif key == "auto-entries":
            settings.auto_entries = BOOLEANS.get(value, settings.auto_entries)
        elif key == "auto-firmware":
            settings.auto_firmware = BOOLEANS.get(value, settings.auto_firmware)
    return settings


def _set_timeout(settings: Settings, value: str, reader: Reader) -> None:
    """A value that systemd-boot cannot read changes nothing."""
    seconds: int | None = None
    if value.isascii() and value.isdigit() and len(value) <= 20 and int(value) <= MAX_TIMEOUT:
        seconds = int(value)
    disabled = value == "menu-disabled" and reader.is_at_least(FIRST_WITH_MENU_DISABLED)
    if value in {"menu-hidden", "menu-force"} or disabled:
        seconds = 0
    if seconds is None:
        return
    settings.timeout = seconds
    settings.waits = value == "menu-force" or seconds == MAX_TIMEOUT
    settings.disabled = disabled
