"""What a program is that UEFI starts, and what it starts in its turn: shim, its fallback, GRUB, systemd-boot.

Sources: shim, shim.c (init_grub: the loader beside it, or fallback.efi where that is) and fallback.c (the
first line of the first BOOT*.CSV); GRUB, grub-core/kern/efi/init.c (the section `mods`); systemd,
src/boot/efi (the section .sdmagic) and the UAPI Group's "Unified Kernel Image".
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from imgtool.guest.bootloader.files import LoaderFiles
from imgtool.guest.bootloader.run import LoaderFile
from imgtool.guest.bootloader.start import LoaderName, NoStart, Start
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.firmware.grub_image import read_modules
from imgtool.guest.firmware.portable_executable import NotLoadedError, Program, read_program
from imgtool.guest.initramfs.pe import Section
from imgtool.util.text import printable

SUFFIXES = {
    "x86_64": "x64",
    "aarch64": "aa64",
    "riscv64": "riscv64",
    "loongarch64": "loongarch64",
    "i686": "ia32",
    "armv7l": "arm",
}
"""Architecture to the end of a program's name: UEFI specification, 3.5.1.1."""
MAX_MODULES_BYTES = 32 << 20
"""Of GRUB's section `mods`; grub-mkstandalone makes one of 10 MiB."""
MAX_MARK_BYTES = 2 << 20
"""How far into a program its marks are looked for; shim has 1 MiB."""
MAX_CSV_BYTES = 64 << 10
MAX_PROGRAMS = 5
"""shim, its fallback, another shim, and what that starts."""
MAX_DIRECTORIES = 64
"""Directories of EFI that are looked into."""
REMOVABLE = re.compile(r"/EFI/BOOT/BOOT[^/]*", re.IGNORECASE)
"""A path after which shim looks for its fallback: is_removable_media_path."""

SYSTEMD_BOOT = b"LoaderInfo: systemd-boot"
SYSTEMD_STUB = b"LoaderInfo: systemd-stub"
SHIM_MARKS = (b"UEFI SHIM\n", b"\nshim,")
PROGRAM_NAME = re.compile(rb"\\\x00((?:[A-Za-z0-9_-]\x00){1,24}\.\x00e\x00f\x00i\x00)\x00\x00")
"""A file's name behind a backslash, as UTF-16 with its end: how shim names what stands beside it."""
OPTIONS_CSV = "options.csv".encode("utf-16-le")
NAMED: tuple[tuple[bytes, LoaderName, str], ...] = (
    (b"bootmgfw.pdb", "windows", "Windows Boot Manager"),
    ("bootmgfw".encode("utf-16-le"), "windows", "Windows Boot Manager"),
    ("rEFInd".encode("utf-16-le"), "other", "rEFInd"),
    (b"Limine", "other", "Limine"),
    (b"iPXE", "other", "iPXE"),
)


def loader_architecture(machine: str) -> str:
    """`Start.architecture` of what `uname -m` calls `machine`."""
    return "i386" if machine == "i686" else machine


@dataclass(frozen=True, slots=True)
class Opened:
    """A program on a FAT file system that UEFI loads."""

    files: LoaderFiles
    file: LoaderFile
    program: Program
    architecture: str

    @property
    def directory(self) -> str:
        """Where it stands."""
        return posixpath.dirname(self.file.path)


def open_program(files: LoaderFiles, file: LoaderFile, architecture: str) -> Opened:
    """The program in `file`. Raises NotLoadedError where UEFI refuses it."""
    try:
        return Opened(files, file, read_program(file.open(), file.size_bytes, architecture), architecture)
    except NotLoadedError:
        raise
    except GuestReadError as error:
        raise NotLoadedError(f"it cannot be read to its end: {error}", candidate=True) from error


def follow(first: Opened) -> Start | NoStart:
    """What runs in the end, when firmware starts `first`."""
    chain = [first]
    while len(chain) <= MAX_PROGRAMS:
        opened = chain[-1]
        if not _is_shim(opened):
            found = _loader(opened, _place(chain))
            if isinstance(found, NoStart):
                return found
            return replace(found, programs=tuple(one.file.path for one in chain))
        try:
            chain.append(_next(opened))
        except GuestReadError as error:
            return NoStart("uefi", f"{_shown(opened)} is shim, and {error}", _place(chain))
    return NoStart("uefi", f"{_shown(first)} is shim, and starts one shim after the other", _place(chain))


def _place(chain: list[Opened]) -> str:
    names = ", which starts ".join(_shown(opened) for opened in chain)
    return f"{names} on {chain[0].files.device.volume.name}"


def _shown(opened: Opened) -> str:
    return printable(opened.file.path.lstrip("/"))


def _is_shim(opened: Opened) -> bool:
    if "mods" in opened.program.sections or ".linux" in opened.program.sections:
        return False
    return any(mark in _head(opened) for mark in SHIM_MARKS)


def _next(shim: Opened) -> Opened:
    """What shim starts. Raises GuestReadError with what is wrong with that."""
    suffix = SUFFIXES[shim.architecture]
    fallback = f"/EFI/BOOT/{_named(shim, ('fb', 'fallback')) or f'fb{suffix}.efi'}"
    if REMOVABLE.fullmatch(shim.file.path) and shim.files.find(fallback):
        return _by_fallback(shim, fallback)
    loader = _second_stage(shim) or _named(shim, ("grub",)) or f"grub{suffix}.efi"
    return _found(shim, f"{shim.directory}/{loader}")


def _named(shim: Opened, beginnings: tuple[str, ...]) -> str | None:
    """What this shim was built to start: SUSE's has `\\grub.efi` and `\\fallback.efi` inside."""
    names = (name.decode("utf-16-le") for name in PROGRAM_NAME.findall(_head(shim)))
    return next((name for name in names if name.startswith(beginnings)), None)


def _second_stage(shim: Opened) -> str | None:
    """What options.csv names, where this shim knows that file."""
    if OPTIONS_CSV not in _head(shim):
        return None
    line = _csv_line(shim.files, f"{shim.directory}/options.csv")
    return line.split(",")[0].replace("\\", "/").strip("/") if line else None


def _by_fallback(shim: Opened, fallback: str) -> Opened:
    _found(shim, fallback)
    for path in _entries(shim):
        return _found(shim, path, f"{fallback.lstrip('/')} would start it by its CSV file, and ")
    raise GuestReadError(
        f"{fallback.lstrip('/')} finds no BOOT{SUFFIXES[shim.architecture].upper()}.CSV below EFI, "
        "and then resets the machine again and again"
    )


def _entries(shim: Opened) -> Iterator[str]:
    """The path that the first line of each CSV file names, in the order of the directory."""
    names = (f"boot{SUFFIXES[shim.architecture]}.csv", "boot.csv")
    for directory in shim.files.names("/EFI")[:MAX_DIRECTORIES]:
        if directory.casefold() == "boot":
            continue
        for name in names:
            line = _csv_line(shim.files, f"/EFI/{directory}/{name}")
            fields = line.split(",") if line else []
            if len(fields) > 1 and fields[0] and fields[1]:
                yield f"/EFI/{directory}/{fields[0]}"
                break


def _csv_line(files: LoaderFiles, path: str) -> str | None:
    """The first line of a CSV file, which is UTF-16; None where there is no such file, or nothing in it."""
    content = files.read(path, MAX_CSV_BYTES)
    text = (content or b"").decode("utf-16-le", "replace").lstrip("\ufeff").split("\0")[0]
    return next((line for line in re.split(r"[\r\n]+", text) if line), None)


def _found(shim: Opened, path: str, before: str = "") -> Opened:
    name = printable(path.lstrip("/"))
    file = shim.files.find(path)
    if file is None:
        raise GuestReadError(f"{before}{name}, which it would start, is not there")
    try:
        return open_program(shim.files, file, shim.architecture)
    except NotLoadedError as error:
        raise GuestReadError(f"{before}{name}, which it would start, is not loaded: {error}") from error


def _loader(opened: Opened, place: str) -> Start | NoStart:
    """What the program is, of all that is no shim."""
    sections = opened.program.sections
    if "mods" in sections:
        return _grub(opened, sections["mods"], place)
    if ".linux" in sections:
        return _start(opened, "unified-image", place)
    head = _head(opened)
    if SYSTEMD_BOOT in head:
        return _start(opened, "systemd-boot", place)
    if SYSTEMD_STUB in head:
        return NoStart("uefi", f"{_shown(opened)} is a unified kernel image without a kernel", place)
    for mark, name, title in NAMED:
        if mark in head:
            return _start(opened, name, f"{title} in {place}")
    return _start(opened, "other", place)


def _start(opened: Opened, name: LoaderName, place: str) -> Start:
    return Start(
        "uefi",
        name,
        place,
        device=opened.files.device,
        path=opened.file.path,
        architecture=loader_architecture(opened.architecture),
    )


def _grub(opened: Opened, section: Section, place: str) -> Start | NoStart:
    if section.length > MAX_MODULES_BYTES:
        return NoStart("uefi", f"{_shown(opened)}: {section.length} bytes of modules", place, known=False)
    stream = opened.file.open()
    try:
        image = read_modules(_content(stream, section), opened.program.pointer_bytes)
    except GuestReadError as error:
        return NoStart("uefi", f"{_shown(opened)}: {error}", place)
    return Start(
        "uefi",
        "grub",
        place,
        device=opened.files.device,
        path=opened.file.path,
        prefix=image.prefix,
        script=image.script,
        modules=image.modules,
        memdisk=image.memdisk,
        architecture=loader_architecture(opened.architecture),
    )


def _head(opened: Opened) -> bytes:
    """The start of the program, where its marks are; of a small one all of it."""
    return opened.file.open().read(MAX_MARK_BYTES)


def _content(stream: BinaryIO, section: Section) -> bytes:
    stream.seek(section.start)
    return stream.read(section.length)
