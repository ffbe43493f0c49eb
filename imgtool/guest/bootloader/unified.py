"""Unified kernel images: what systemd's stub starts from one, and with which command line.

Sources: the UAPI Group's "Unified Kernel Image"; systemd-stub(7); systemd 252 and 257, src/boot/stub.c,
src/boot/pe.c (profiles) and src/fundamental/bootspec-fundamental.c (name, version and sort key).
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from imgtool.guest.bootloader import bls
from imgtool.guest.bootloader.entry import BootEntry
from imgtool.guest.bootloader.files import LoaderFiles
from imgtool.guest.bootloader.kernel_image import MACHINES, read_kernel_image
from imgtool.guest.bootloader.run import LoadedEntry, LoaderFile, LoaderRun
from imgtool.guest.bootloader.start import Start
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.initramfs.pe import PeFile, Section, read_pe, section_text
from imgtool.guest.mounts import Device
from imgtool.guest.volumes import DiskLayout
from imgtool.util.text import printable

PROFILE = ".profile"
MAX_PROFILES = 256
"""UNIFIED_PROFILES_MAX of systemd."""
PE32, PE32_PLUS = 0x10B, 0x20B
MAX_ADDONS = 100
GLOBAL_ADDONS = "/loader/addons"
FIRST_WITH_ADDONS, FIRST_WITH_PROFILES = 254, 257
"""Versions of systemd."""
HEAD_BYTES = 64 << 10
MAGIC = "#### LoaderInfo: "


@dataclass(frozen=True, slots=True)
class ProgramVersion:
    """Which of systemd's EFI programs a file is, by its section `.sdmagic`."""

    name: str = ""
    """`systemd-boot`, `systemd-stub`; empty where it is neither."""
    major: int | None = None


@dataclass(frozen=True, slots=True)
class UnifiedImage:
    """A PE file and its sections, profile by profile."""

    file: LoaderFile
    pe: PeFile
    version: ProgramVersion

    @property
    def architecture(self) -> str:
        """The one that it is for, as `kernel_image.MACHINES` names it."""
        return _machine(self.pe)

    def section(self, name: str, profile: int = 0) -> Section | None:
        """The section of a profile, else of what all profiles share; None where it is not there or empty."""
        profiles = self._profiles()
        for sections in (*profiles[profile + 1 : profile + 2], profiles[0]):
            found = next((one for one in sections if one.name == name), None)
            if found is not None and found.length > 0:
                return found
        return None

    def text(self, name: str, profile: int = 0) -> str:
        """The content of a section as text; empty where it is not there."""
        section = self.section(name, profile)
        return "" if section is None else bls.decoded(self._content(section)).strip()

    @property
    def profiles(self) -> int:
        """How many entries a menu shows of it."""
        return max(1, min(len(self._profiles()) - 1, MAX_PROFILES))

    def _content(self, section: Section) -> bytes:
        return section_text(self.file.open(), section).encode()

    def _profiles(self) -> list[list[Section]]:
        """First the sections of all profiles, then those of each."""
        found: list[list[Section]] = [[]]
        knows = self.version.major is None or self.version.major >= FIRST_WITH_PROFILES
        for section in self.pe.sections:
            if section.name == PROFILE and knows:
                found.append([])
            found[-1].append(section)
        return found


def program_version(file: LoaderFile) -> ProgramVersion:
    """Return the version of the EFI program `file`; empty if it does not say one."""
    stream = file.open()
    section = next((one for one in read_pe(stream).sections if one.name == ".sdmagic"), None)
    words = section_text(stream, section).removeprefix(MAGIC).split() if section is not None else []
    if len(words) < 2:
        return ProgramVersion()
    digits = "".join(c if c.isascii() and c.isdigit() else " " for c in words[1][:32]).split()
    return ProgramVersion(words[0], int(digits[0]) if digits else None)


def read_unified(file: LoaderFile) -> UnifiedImage:
    """The image in `file`. Raises GuestReadError where it is no PE file."""
    return UnifiedImage(file, read_pe(file.open()), program_version(file))


@dataclass(frozen=True, slots=True)
class Identity:
    """What an os-release file gives for a menu. None: it does not say it."""

    name: str
    version: str | None
    sort_key: str | None


def identity(os_release: str, quotes: str = "\"'") -> Identity | None:
    """Return the identity in a unified kernel image's section `.osrel`; None if that names no system."""
    values = dict(bls.key_values(os_release, "=", quotes))
    name = _first(values, ("PRETTY_NAME", "IMAGE_ID", "NAME", "ID"))
    if name is None:
        return None
    version = _first(values, ("IMAGE_VERSION", "VERSION", "VERSION_ID", "BUILD_ID"))
    return Identity(name, version, _first(values, ("IMAGE_ID", "ID")))


def _first(values: Mapping[str, str], keys: Sequence[str]) -> str | None:
    return next((values[key] for key in keys if key in values), None)


def efi_problem(file: LoaderFile, architecture: str) -> str:
    """Why UEFI firmware of `architecture` does not load the program; empty where it does."""
    try:
        pe = read_pe(file.open())
    except GuestReadError as error:
        return str(error) if file.size_bytes else "the file is empty"
    if _machine(pe) != architecture:
        return f"it is a program for {_machine(pe)}, and the firmware is {architecture}"
    if any(section.start + section.length > file.size_bytes for section in pe.sections):
        return "it is cut off: a section goes on beyond its end"
    return ""


def _machine(pe: PeFile) -> str:
    return MACHINES.get(pe.machine, f"machine {pe.machine:#x}")


def load_unified(
    files: LoaderFiles, file: LoaderFile, architecture: str, options: str | None = None, profile: int = 0
) -> LoadedEntry:
    """What systemd's stub makes of an image that was started with `options` (None: without any).

    Secure Boot, under which the stub does not take options from outside, is off in Nova unless asked for.
    """
    problem = efi_problem(file, architecture)
    if problem:
        entry = BootEntry(_name(file), _name(file), str(file), file.path, unified=True)
        return LoadedEntry(entry, None, problem=f"{file}: {problem}")
    image = read_unified(file)
    embedded = _one_line(image.text(".cmdline", profile))
    words = [embedded if options is None else _one_line(options), *_addons(files, image)]
    found = identity(image.text(".osrel", profile))
    entry = BootEntry(
        name=_name(file),
        title=found.name if found is not None else _name(file),
        source=str(file),
        linux=file.path,
        initrds=(file.path,) if image.section(".initrd", profile) is not None else (),
        options=" ".join(filter(None, words)),
        version=image.text(".uname", profile),
        unified=True,
    )
    problem = _kernel_problem(image, profile, architecture)
    if problem:
        return LoadedEntry(entry, None, problem=f"{file}: {problem}")
    return LoadedEntry(entry, file, (file,) if entry.initrds else ())


def _name(file: LoaderFile) -> str:
    return file.path.rpartition("/")[2]


def _one_line(text: str) -> str:
    """Control characters become blanks, as the stub does it."""
    return "".join(c if c > " " and c != "\x7f" else " " for c in text).strip(" ")


def _kernel_problem(image: UnifiedImage, profile: int, architecture: str) -> str:
    section = image.section(".linux", profile)
    if section is None:
        return "it has no section .linux, so no kernel"
    stream = image.file.open()
    stream.seek(section.start)
    kernel = read_kernel_image(io.BytesIO(stream.read(min(section.length, HEAD_BYTES))), section.length)
    if not kernel.pe_machine:
        return kernel.problem or "the kernel in it has no EFI stub"
    if kernel.pe_machine != architecture:
        return f"the kernel in it is for {kernel.pe_machine}, and the firmware is {architecture}"
    return kernel.problem


def _addons(files: LoaderFiles, image: UnifiedImage) -> Iterator[str]:
    """The command lines of the addons: those for all images first, then those of this one, by name."""
    if image.version.major is not None and image.version.major < FIRST_WITH_ADDONS:
        return
    name = _name(image.file)
    tries = bls.tries_in(name, ".efi")
    own = f"{image.file.path[: -len(name)]}{tries.name if tries is not None else name}.extra.d"
    for directory in (GLOBAL_ADDONS, own):
        names = sorted(n for n in files.names(directory) if n.lower().endswith(".addon.efi") and n[0] != ".")
        for addon in names[:MAX_ADDONS]:
            file = files.find(f"{directory}/{addon}")
            if file is not None:
                yield _addon(image, file)


def _addon(image: UnifiedImage, file: LoaderFile) -> str:
    """The stub passes over an addon that is none, or that is for another kernel."""
    try:
        addon = read_unified(file)
    except GuestReadError:
        return ""
    uname = addon.text(".uname")
    is_other = bool(uname) and image.section(".uname") is not None and uname != image.text(".uname")
    if addon.pe.machine != image.pe.machine or addon.section(".linux") is not None or is_other:
        return ""
    return _one_line(addon.text(".cmdline"))


def run_unified_image(start: Start, devices: Sequence[Device], layout: DiskLayout) -> LoaderRun:
    """A unified kernel image that the firmware starts itself: no menu, no choice."""
    del devices, layout
    if start.device is None:
        return LoaderRun("unknown", f"{start.place}: its file system is not known")
    try:
        files = LoaderFiles(start.device)
        file = files.find(start.path)
        if file is None:
            return LoaderRun("error", f"{printable(start.path)} on {start.device.volume.name} is not there")
        booted = load_unified(files, file, start.architecture)
    except GuestReadError as error:
        return LoaderRun("unknown", f"{start.place}: {error}")
    places = (str(file),)
    if booted.problem:
        return LoaderRun("error", booted.problem, places, booted=booted, entries=(booted.entry,))
    reason = f"the firmware starts {printable(booted.entry.title)} itself, without a menu"
    return LoaderRun("entry", reason, places, 0.0, booted, (booted.entry,))
