"""What each entry of a menu would load, for those who list them: nothing of it decides the boot."""

from imgtool.guest.bootloader.entry import BootEntry
from imgtool.guest.bootloader.grub.entries import listed
from imgtool.guest.bootloader.grub.errors import GrubError, Stop, Undecided
from imgtool.guest.bootloader.grub.machine import Entry, Machine
from imgtool.guest.bootloader.grub.script import run_entry_body
from imgtool.guest.filesystems.base import GuestReadError

MAX_SURVEYED = 100
"""Entries whose body is run; the others are listed by their titles."""
MAX_LEVELS = 4
"""Submenus inside submenus that are looked into."""


def survey(machine: Machine) -> tuple[BootEntry, ...]:
    """The entries of the menus that the run made, in their order, those of submenus in their place."""
    found: list[BootEntry] = []
    made = list(machine.all_entries)
    inner = {id(entry) for entry in machine.submenu_entries}
    for entry in made:
        if id(entry) not in inner:
            _add(machine, entry, found, 0)
    return tuple(found)


def _add(machine: Machine, entry: Entry, found: list[BootEntry], level: int) -> None:
    if len(found) >= MAX_SURVEYED or level >= MAX_LEVELS:
        found.append(listed(entry))
        return
    if entry.is_submenu:
        for one in _inside(machine, entry):
            _add(machine, one, found, level + 1)
        return
    machine.loaded = machine.attempted = None
    _run(machine, entry)
    found.append(listed(entry, machine.attempted))


def _inside(machine: Machine, entry: Entry) -> list[Entry]:
    machine.open_context()
    menu = machine.menu()
    _run(machine, entry)
    del machine.menus[machine.menus.index(menu) + 1 :]
    machine.close_context()
    return menu


def _run(machine: Machine, entry: Entry) -> None:
    depth, control = machine.depth, machine.control
    machine.control = type(control)()
    try:
        run_entry_body(machine, entry)
    except (Stop, Undecided, GrubError, GuestReadError):
        machine.depth = depth
    machine.pending = None
    machine.control = control
