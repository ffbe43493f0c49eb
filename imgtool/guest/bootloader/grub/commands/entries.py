"""menuentry, submenu and the files that bring menus (grub-core/commands/menuentry.c, configfile.c)."""

from imgtool.guest.bootloader.grub.commands.registry import command
from imgtool.guest.bootloader.grub.errors import Err, GrubError, Stop
from imgtool.guest.bootloader.grub.execute import Call
from imgtool.guest.bootloader.grub.machine import Entry, Machine
from imgtool.guest.bootloader.grub.menu import show_menu
from imgtool.guest.bootloader.grub.options import Option, parse
from imgtool.guest.bootloader.grub.script import source_error

_OPTIONS = (
    Option("class", "\1", takes=True, repeatable=True),
    Option("users", "\2", takes=True, optional=True),
    Option("hotkey", "\3", takes=True),
    Option("source", "\4", takes=True),
    Option("id", takes=True),
    Option("unrestricted"),
)


@command("menuentry", "submenu")
def _menuentry(machine: Machine, call: Call) -> int:
    parsed = parse(_OPTIONS, call.arguments, accept_dash=True)
    if parsed.asks_for_help:
        return Err.NONE
    source = parsed.value("source")
    if not parsed.arguments and call.block is None:
        raise GrubError(Err.BAD_ARGUMENT, "missing arguments")
    if (source is None) == (call.block is None):
        raise GrubError(Err.BAD_ARGUMENT, "no menuentry definition, or two")
    if not parsed.arguments:
        raise GrubError(Err.MENU, "menuentry is missing title")
    users = parsed.value("users")
    if users is None and not parsed.has("unrestricted"):
        users = ""
    title = parsed.arguments[0]
    name = parsed.value("id")
    body = source if source is not None else call.block
    machine.add_entry(
        Entry(
            title=title,
            name=title if name is None else name,
            body=body or "",
            arguments=tuple(parsed.arguments),
            source=machine.source,
            users=users,
            is_submenu=call.name == "submenu",
            hotkey=parsed.value("hotkey") or "",
        )
    )
    return Err.NONE


@command("source", ".")
def _source(machine: Machine, call: Call) -> int:
    source_error(machine, _only(call))
    return Err.NONE


@command("configfile")
def _configfile(machine: Machine, call: Call) -> int:
    """A context and a menu of its own; what it shows is followed until it comes back, which no key does."""
    path = _only(call)
    machine.open_context()
    source_error(machine, path)
    menu = machine.menus[-1]
    if menu:
        show_menu(machine, menu, nested=True)
    machine.close_context()
    return Err.NONE


@command("extract_entries_source", "extract_entries_configfile")
def _extract(machine: Machine, call: Call) -> int:
    path = _only(call)
    machine.extractors += 1
    machine.open_context()
    source_error(machine, path)
    menu = machine.menus[-1]
    if menu and call.name.endswith("configfile"):
        show_menu(machine, menu, nested=True)
    machine.close_context()
    machine.extractors -= 1
    if menu and call.name.endswith("source"):
        machine.menu().extend(menu)
    return Err.NONE


def _only(call: Call) -> str:
    if len(call.arguments) != 1:
        raise GrubError(Err.BAD_ARGUMENT, "filename expected")
    return call.arguments[0]


@command("normal")
def _normal(machine: Machine, call: Call) -> int:
    prefix = machine.variable("prefix") or ""
    enter_normal(machine, call.arguments[0] if call.arguments else f"{prefix}/grub.cfg")
    return Err.NONE


def enter_normal(machine: Machine, path: str) -> None:
    """Reads a configuration file, shows its menu, and ends at the prompt; comes back after `normal_exit`."""
    machine.normal_levels += 1
    machine.modules.read_list(machine.variable("prefix") or "", machine.read)
    source_error(machine, path)
    menu = machine.menus[-1]
    if menu:
        show_menu(machine, menu, nested=False)
    if not machine.normal_exits:
        raise prompt_after(machine, path)
    machine.normal_exits -= 1
    machine.normal_levels -= 1


def prompt_after(machine: Machine, path: str) -> Stop:
    """Why GRUB stands at its prompt."""
    if machine.variable("superusers") is not None:
        return Stop("prompt", "GRUB has no entry to show, and asks for a user name")
    last = f" (the last error: {machine.errors[-1]})" if machine.errors else ""
    if not machine.places:
        return Stop("prompt", f"GRUB finds no {path}, and waits at its prompt{last}")
    return Stop("prompt", f"{machine.places[-1]} makes no menu entry: GRUB waits at its prompt{last}")


@command("normal_exit")
def _normal_exit(machine: Machine, _call: Call) -> int:
    """The menus end when they are drawn next; what is being read is read to its end."""
    if machine.normal_levels <= machine.normal_exits:
        raise GrubError(Err.BAD_ARGUMENT, "not in normal environment")
    machine.normal_exits += 1
    return Err.NONE
