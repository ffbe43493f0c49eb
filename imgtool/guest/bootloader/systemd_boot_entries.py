"""The entries that systemd-boot finds, and their order.

Sources: systemd 252 and 257, src/boot/boot.c: boot_entry_add_type1, boot_entry_add_type2,
boot_entry_compare and config_load_all_entries; the UAPI Group's "Boot Loader Specification".
"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from imgtool.guest.bootloader import bls
from imgtool.guest.bootloader.entry import MAX_ENTRIES, BootEntry
from imgtool.guest.bootloader.files import LoaderFiles, read_whole
from imgtool.guest.bootloader.unified import PE32, PE32_PLUS, UnifiedImage, identity, read_unified
from imgtool.guest.filesystems.base import GuestReadError

EntryKind = Literal["linux", "efi", "unified", "auto", "firmware"]
Comparable = TypeVar("Comparable", str, int)

ENTRIES = "/loader/entries"
IMAGES = "/EFI/Linux"
FIRST_WITH_UKI_KEY = 258
FIRST_WITHOUT_COUNTER = 257
"""From this version of systemd on, the counter in a file's name is no part of the entry's name."""
FIRST_WITH_SINGLE_QUOTES = 253
EFI_NAMES = {
    "x86_64": "x64",
    "i386": "ia32",
    "aarch64": "aa64",
    "arm": "arm",
    "riscv64": "riscv64",
    "loongarch64": "loongarch64",
}
"""What UEFI calls an architecture in the names of files: UEFI specification, 3.5.1.1."""


@dataclass(frozen=True, slots=True)
class Reader:
    """The systemd-boot that reads: what its rules depend on."""

    path: str
    """Its own path on the file system that it was started from, with `/`."""
    architecture: str
    major: int | None
    """Of its version; None where it does not say it: then it counts as new."""

    def is_at_least(self, version: int) -> bool:
        """Whether it is `version` of systemd, or a later one."""
        return self.major is None or self.major >= version

    @property
    def quotes(self) -> str:
        """What it takes away around a value."""
        return "\"'" if self.is_at_least(FIRST_WITH_SINGLE_QUOTES) else '"'


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """One entry of its menu."""

    identifier: str
    """In small letters: what `default` is compared with."""
    kind: EntryKind
    files: LoaderFiles
    source: str
    program: str
    """The path of what it starts."""
    title: str = ""
    sort_key: str | None = None
    machine_id: str = ""
    version: str = ""
    initrds: tuple[str, ...] = ()
    options: str | None = None
    """What the entry gives to the program; None: nothing."""
    tries: bls.Tries | None = None
    profile: int = 0
    base_identifier: str = ""
    """Without the profile."""

    @property
    def entry(self) -> BootEntry:
        """Return the entry as facts have it."""
        return BootEntry(
            name=self.identifier.removesuffix(".conf"),
            title=self.title or self.identifier,
            source=self.source,
            linux=self.program,
            initrds=self.initrds,
            options=self.options or "",
            version=self.version,
            base="/",
            unified=self.kind == "unified",
        )


def sorted_entries(places: Sequence[LoaderFiles], reader: Reader) -> list[MenuEntry]:
    """The entries of the ESP and of XBOOTLDR, if there is one, as the menu shows them."""
    found: list[MenuEntry] = []
    for files in places:
        found.extend(_unified_entries(files, reader))
        found.extend(_text_entries(files, reader))
        if len(found) > MAX_ENTRIES:
            raise GuestReadError(f"{files.device.volume.name}: more than {MAX_ENTRIES} boot entries")
    return sorted(found, key=functools.cmp_to_key(_order))


def _names(files: LoaderFiles, directory: str, suffix: str) -> Iterator[str]:
    for name in files.names(directory):
        folded = name.lower()
        if name[0] != "." and folded.endswith(suffix) and not folded.startswith("auto-"):
            yield name


def _text_entries(files: LoaderFiles, reader: Reader) -> Iterator[MenuEntry]:
    for name in _names(files, ENTRIES, ".conf"):
        file = files.find(f"{ENTRIES}/{name}")
        if file is None:
            continue
        values = bls.key_values(bls.decoded(read_whole(file, bls.MAX_ENTRY_BYTES)), quotes=reader.quotes)
        entry = _text_entry(MenuEntry("", "linux", files, str(file), ""), values, reader)
        if entry is not None and files.lookup(entry.program) is not None:
            yield _named(entry, name, ".conf", reader)


def _text_entry(entry: MenuEntry, values: Sequence[tuple[str, str]], reader: Reader) -> MenuEntry | None:
    """What the lines of one file make; None where the menu does not show it."""
    machine = EFI_NAMES.get(reader.architecture)
    if any(key == "architecture" and value.lower() != machine for key, value in values):
        return None
    kinds = [name for name in _PROGRAMS if name != "uki" or reader.is_at_least(FIRST_WITH_UKI_KEY)]
    programs = [(key, _path(value)) for key, value in values if key in kinds]
    is_mixed = len({key for key, _ in programs}) > 1 and reader.is_at_least(FIRST_WITH_UKI_KEY)
    if not programs or is_mixed or _starts_itself(programs, reader):
        return None
    key, program = programs[-1]
    options = [value for key, value in values if key == "options"]
    last = dict(values)
    return replace(
        entry,
        kind=_PROGRAMS[key],
        program=program,
        title=last.get("title", ""),
        sort_key=last.get("sort-key"),
        machine_id=last.get("machine-id", ""),
        version=last.get("version", ""),
        initrds=tuple(_path(value) for key, value in values if key == "initrd"),
        options=" ".join(options) if options else None,
    )


_PROGRAMS: dict[str, EntryKind] = {"linux": "linux", "efi": "efi", "uki": "unified"}


def _starts_itself(programs: Sequence[tuple[str, str]], reader: Reader) -> bool:
    return any(key == "efi" and path.lower() == reader.path.lower() for key, path in programs)


def _path(value: str) -> str:
    return "/" + value.replace("\\", "/").lstrip("/")


def _named(entry: MenuEntry, name: str, suffix: str, reader: Reader) -> MenuEntry:
    tries = bls.tries_in(name, suffix)
    if tries is not None and reader.is_at_least(FIRST_WITHOUT_COUNTER):
        name = tries.name
    return replace(entry, identifier=name.lower(), tries=tries)


def _unified_entries(files: LoaderFiles, reader: Reader) -> Iterator[MenuEntry]:
    for name in _names(files, IMAGES, ".efi"):
        file = files.find(f"{IMAGES}/{name}")
        if file is None:
            continue
        try:
            image = read_unified(file)
        except GuestReadError:
            continue  # no PE file: it is not shown
        if image.architecture == reader.architecture and _is_whole(image):
            profiles = (_profile(files, image, profile, reader) for profile in range(image.profiles))
            yield from (_with_profile(entry, name, image, reader) for entry in profiles if entry is not None)


def _is_whole(image: UnifiedImage) -> bool:
    return image.pe.magic in {PE32, PE32_PLUS} and bool(image.pe.sections)


def _profile(files: LoaderFiles, image: UnifiedImage, profile: int, reader: Reader) -> MenuEntry | None:
    """One profile of an image, not yet named; None where its os-release does not name a system."""
    found = identity(image.text(".osrel", profile), reader.quotes)
    if found is None:
        return None
    return MenuEntry(
        identifier="",
        kind="unified",
        files=files,
        source=str(image.file),
        program=image.file.path,
        title=_title(found.name, _profile_values(image, profile), profile),
        sort_key=found.sort_key,
        version=found.version or "",
        profile=profile,
    )


def _with_profile(entry: MenuEntry, name: str, image: UnifiedImage, reader: Reader) -> MenuEntry:
    named = _named(entry, name, ".efi", reader)
    if not entry.profile:
        return named
    suffix = _profile_values(image, entry.profile).get("ID", str(entry.profile)).lower()
    return replace(named, identifier=f"{named.identifier}@{suffix}", base_identifier=named.identifier)


def _profile_values(image: UnifiedImage, profile: int) -> dict[str, str]:
    return dict(bls.key_values(image.text(".profile", profile), "="))


def _title(name: str, values: dict[str, str], profile: int) -> str:
    shown = values.get("TITLE") or (values.get("ID", f"Profile #{profile + 1}") if profile else "")
    return f"{name} ({shown})" if shown else name


def _order(one: MenuEntry, other: MenuEntry) -> int:
    """Return less than 0 where `one` stands higher in the menu."""
    order = _compare(_is_exhausted(one), _is_exhausted(other)) or _compare(
        one.sort_key is None, other.sort_key is None
    )
    if order == 0 and one.sort_key is not None and other.sort_key is not None:
        order = (
            _compare(one.sort_key, other.sort_key)
            or _compare(one.machine_id, other.machine_id)
            or bls.compare_versions(other.version, one.version)
        )
    return order or _order_of_names(one, other)


def _order_of_names(one: MenuEntry, other: MenuEntry) -> int:
    mine, theirs = (entry.base_identifier or entry.identifier for entry in (one, other))
    order = bls.compare_versions(theirs, mine)
    if order == 0 and one.base_identifier and other.base_identifier:
        order = _compare(one.profile, other.profile)
    if order != 0 or one.tries is None or other.tries is None:
        return order
    return _compare(other.tries.left, one.tries.left) or _compare(one.tries.done, other.tries.done)


def _is_exhausted(entry: MenuEntry) -> bool:
    return entry.tries is not None and entry.tries.left == 0


def _compare(one: Comparable, other: Comparable) -> int:
    return (one > other) - (one < other)
