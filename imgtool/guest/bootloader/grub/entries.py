"""GRUB's entries as the rest of the program knows entries."""

from imgtool.guest.bootloader.entry import BootEntry
from imgtool.guest.bootloader.grub.machine import Entry, Loaded, Machine
from imgtool.guest.bootloader.grub.values import UNKNOWN
from imgtool.guest.bootloader.kernel_image import architecture_problem, read_kernel_image
from imgtool.guest.bootloader.run import LoadedEntry
from imgtool.guest.bootloader.start import Start
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.initramfs.pe import pe_sections, section_text


def options_text(arguments: tuple[str, ...]) -> str:
    """The kernel's command line from the arguments of `linux` (grub-core/lib/cmdline.c)."""
    return " ".join(map(_quoted, arguments))


def _quoted(argument: str) -> str:
    escaped = argument
    for character in "\\'\"":
        escaped = escaped.replace(character, f"\\{character}")
    return f'"{escaped}"' if " " in argument else escaped


def loaded_entry(machine: Machine, loaded: Loaded) -> LoadedEntry:
    """What starts, with the files that were found; a kernel that cannot run has a problem."""
    shown = machine.current
    unified = _unified(loaded)
    options = options_text(loaded.arguments)
    entry = BootEntry(
        name=shown.name if shown is not None else "",
        title=shown.title if shown is not None else "",
        source=shown.source if shown is not None else machine.source,
        linux=loaded.path,
        initrds=(loaded.path,) if unified is not None else loaded.initrd_names,
        options=(options or unified or "") if unified is not None else options,
        base="/",
        unified=unified is not None,
    )
    if loaded.family == "other":
        return LoadedEntry(entry, loaded.kernel)
    version, problem = _version_and_problem(loaded, _machine(machine.start))
    return LoadedEntry(_with_version(entry, version), loaded.kernel, loaded.initrds, problem)


def _machine(start: Start) -> str:
    """The machine's architecture: GRUB for BIOS is a 32-bit program on machines of Nova's with 64 bits."""
    return "x86_64" if start.firmware == "bios" else start.architecture


def _with_version(entry: BootEntry, version: str) -> BootEntry:
    return BootEntry(
        entry.name, entry.title, entry.source, entry.linux, entry.initrds, entry.options, version, entry.base
    )


def _version_and_problem(loaded: Loaded, architecture: str) -> tuple[str, str]:
    if loaded.kernel is None:
        return "", ""
    try:
        image = read_kernel_image(loaded.kernel.open(), loaded.kernel.size_bytes)
    except GuestReadError as error:
        return "", f"{loaded.kernel}: {error}"
    problem = image.problem or architecture_problem(image, architecture)
    return image.version, f"{loaded.kernel}: {problem}" if problem else ""


def _unified(loaded: Loaded) -> str | None:
    """The command line inside of a unified kernel image; None where it is none."""
    if loaded.command != "chainloader" or loaded.kernel is None:
        return None
    try:
        stream = loaded.kernel.open()
        sections = pe_sections(stream)
        if ".linux" not in sections:
            return None
        return section_text(stream, sections[".cmdline"]) if ".cmdline" in sections else ""
    except GuestReadError:
        return None


def failed_entry(machine: Machine, entry: Entry, problem: str) -> LoadedEntry:
    """An entry that starts nothing, with what it was to load."""
    attempted = machine.attempted
    loaded = machine.loaded
    return LoadedEntry(
        listed(entry, attempted),
        loaded.kernel if loaded is not None else None,
        loaded.initrds if loaded is not None else (),
        problem,
    )


def listed(entry: Entry, attempted: Loaded | None = None) -> BootEntry:
    """An entry of the menu, with what it was to load where that is known."""
    return BootEntry(
        name=entry.name.replace(UNKNOWN, "?"),
        title=entry.title.replace(UNKNOWN, "?"),
        source=entry.source,
        linux=attempted.path if attempted is not None else "",
        initrds=attempted.initrd_names if attempted is not None else (),
        options=options_text(attempted.arguments).replace(UNKNOWN, "?") if attempted is not None else "",
        base="/",
    )
