"""What systemd would do with a guest's units, by its own rules.

start.py        what starts: from the default target along all dependencies, and why not
reached.py      whether what is started gets as far as running
pulls.py        what one unit pulls in
files.py        which file defines a unit, its aliases, drop-ins and links
unit.py         one unit after all of that is read; syntax.py, words.py: how its files are written
unit_rules.py   units that are refused then; manager.py: what the manager gives to all; times.py: time spans
conflicts.py, cycles.py  what falls out of a transaction: for a conflict, for a circle
names.py        names of units, templates and instances
conditions.py, machine_conditions.py  whether a unit's conditions hold in a Nova guest
presets.py      what a first boot enables and disables
environment_file.py  the files of EnvironmentFile=
generators.py   units that are made at boot
lookup.py       a first look at one unit, without the whole
"""

from imgtool.guest.systemd.conditions import AGENT_PORT, Machine
from imgtool.guest.systemd.lookup import (
    BOOT_TARGETS,
    NULL_DEVICE,
    UNIT_DIRECTORIES,
    is_null,
    mask_of,
    unit_file,
    unit_settings,
    wants_link,
)
from imgtool.guest.systemd.start import StartedUnits, UnitState, what_starts
from imgtool.guest.systemd.unit import Unit

__all__ = [
    "AGENT_PORT",
    "BOOT_TARGETS",
    "NULL_DEVICE",
    "UNIT_DIRECTORIES",
    "Machine",
    "StartedUnits",
    "Unit",
    "UnitState",
    "is_null",
    "mask_of",
    "unit_file",
    "unit_settings",
    "wants_link",
    "what_starts",
]
