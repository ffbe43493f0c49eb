"""GRUB's menu with nobody at the keyboard (grub-core/normal/menu.c).

Where GRUB would wait for a key the run ends, with what the default entry would start.
"""

from imgtool.guest.bootloader.grub.entries import failed_entry
from imgtool.guest.bootloader.grub.errors import Err, GrubError, Stop, Undecided
from imgtool.guest.bootloader.grub.execute import COMMANDS, Call
from imgtool.guest.bootloader.grub.machine import Entry, Machine
from imgtool.guest.bootloader.grub.script import run_entry_body
from imgtool.guest.bootloader.grub.values import SPACES, as_int, c_number, known
from imgtool.guest.bootloader.run import LoadedEntry
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.util.text import printable

MAX_MENUS = 20
"""Menus inside menus, and fallbacks that follow each other."""
FALLBACK_SECONDS = 2.5
"""How long GRUB shows that it falls back."""


def show_menu(machine: Machine, menu: list[Entry], *, nested: bool, automatic: bool = False) -> None:
    """Runs the menu as it is left alone.

    Comes back from a submenu that was started automatically, and after `normal_exit`.
    """
    if len(machine.menus) > MAX_MENUS:
        raise GuestReadError("GRUB menus open each other too deep")
    while (index := _chosen(machine, menu, nested=nested)) is not None:
        _with_fallback(machine, menu, menu[index])
        if automatic:
            break
    if not machine.normal_exits and machine.variable("superusers") is not None:
        raise Stop("prompt", "GRUB asks for a user name when it leaves a menu", machine.failed)


def _chosen(machine: Machine, menu: list[Entry], *, nested: bool) -> int | None:
    """The entry that is started when the time is over; None where `normal_exit` ends the menu.

    Raises Stop where GRUB waits for ever. The exit is looked at only where the menu is drawn.
    """
    default = default_index(machine, menu)
    if not machine.default_shown:
        machine.default_shown = machine.variable("default") or ""
    seconds = timeout(machine)
    is_hidden = (machine.known_variable("timeout_style") or "") in {"countdown", "hidden"}
    if machine.normal_exits and (seconds < 0 or (seconds > 0 and not is_hidden)):
        return None
    if seconds < 0:
        _wait(machine, menu[default], nested=nested)
    machine.seconds += seconds
    if is_hidden:
        machine.variables.unset("timeout")
        machine.variables.unset("timeout_style")
    elif seconds > 0:
        machine.variables.unset("timeout")
    return default


def _wait(machine: Machine, entry: Entry, *, nested: bool) -> None:
    if machine.failed is not None:
        raise Stop("error", _failure(machine), machine.failed)
    value = machine.variable("timeout")
    why = "no timeout is set" if value is None else f"timeout={printable(value)}"
    reason = f"the menu waits for a key for ever: {why}"
    if nested:
        reason = f"a menu inside the menu waits for a key for ever: {why}"
    raise Stop("menu", reason, _preview(machine, entry))


def _failure(machine: Machine) -> str:
    failed = machine.failed
    title = printable(failed.entry.title) if failed is not None else ""
    problem = failed.problem if failed is not None else ""
    return f"the entry {title!r} does not start: {problem}; GRUB goes back to its menu and waits"


def _preview(machine: Machine, entry: Entry) -> LoadedEntry | None:
    """What the entry would start if somebody chose it."""
    try:
        _execute_entry(machine, entry)
    except Stop as stop:
        return stop.booted
    except (Undecided, GuestReadError):
        return None
    return machine.failed


def timeout(machine: Machine) -> int:
    """Seconds until the default entry starts; below 0 where it never does by itself."""
    value = machine.known_variable("timeout")
    if value is None:
        return -1
    try:
        return as_int(c_number(value)[0])
    except GrubError:
        machine.variables.unset("timeout")
        return -1


def default_index(machine: Machine, menu: list[Entry]) -> int:
    """The number of the default entry; the first one's where there is none of that name."""
    index = _entry_number(machine, menu, machine.variable("default"))
    return index if 0 <= index < len(menu) else 0


def _entry_number(machine: Machine, menu: list[Entry], value: str | None) -> int:
    if value is None:
        return -1
    known(value, "$default")
    if machine.is_fedora:
        return _by_name_first(menu, value)
    try:
        return as_int(c_number(value)[0])
    except GrubError as error:
        if error.number != Err.BAD_NUMBER:
            return -1
    named = (i for i, one in enumerate(menu) if _is_named(one.title, value) or _is_named(one.name, value))
    return next(named, -1)


def _is_named(name: str, value: str) -> bool:
    """Whether `value`, or its part before the first single `>`, is the name; `>>` stands for one `>`."""
    at = 0
    characters: tuple[str, ...] = (*known(name, "an entry's name"), "")
    for character in characters:
        here = value[at : at + 1]
        if here == ">":
            if value[at + 1 : at + 2] != ">":
                return not character
            at += 1
        if here != character:
            return False
        at += 1
    return True


def _by_name_first(menu: list[Entry], value: str) -> int:
    """Fedora's order: an id, then a title, then a number with nothing behind it."""
    first_word = next((i for i, character in enumerate(value) if character in SPACES), len(value))
    for index, entry in enumerate(menu):
        if _is_named(entry.name, value[:first_word]) and entry.name:
            return index if first_word == len(value) else -1
    for index, entry in enumerate(menu):
        if entry.title and _is_named(entry.title, value):
            return index
    try:
        number, rest = c_number(value)
    except GrubError:
        return -1
    return as_int(number) if not rest else -1


def _with_fallback(machine: Machine, menu: list[Entry], entry: Entry) -> None:
    """An entry that comes back has failed, whatever it says; Fedora's GRUB asks what it returned."""
    if _execute_entry(machine, entry) == Err.NONE and machine.is_fedora:
        return
    for _ in range(MAX_MENUS):
        index = _next_fallback(machine, menu)
        if index is None:
            return
        machine.seconds += FALLBACK_SECONDS
        error = _execute_entry(machine, menu[index]) if index < len(menu) else int(Err.MENU)
        if error == Err.NONE and machine.is_fedora:
            return


def _next_fallback(machine: Machine, menu: list[Entry]) -> int | None:
    """Takes the first entry out of `fallback`, a list of numbers with blanks between them."""
    value = machine.known_variable("fallback")
    if value is None:
        return None
    try:
        number, rest = c_number(value)
    except GrubError:
        number, rest = (_by_name_first(menu, value), "") if machine.is_fedora else (-1, "")
    if number < 0 or rest[:1] not in {"", *SPACES}:
        machine.variables.unset("fallback")
        return None
    remaining = rest.lstrip(SPACES)
    if remaining:
        machine.variables.set("fallback", remaining)
    else:
        machine.variables.unset("fallback")
    return as_int(number)


def _execute_entry(machine: Machine, entry: Entry) -> int:
    """Runs one entry, and boots what it loaded. Raises Stop where something starts."""
    _check_user(machine, entry)
    chosen, default = machine.variable("chosen"), machine.variable("default")
    if entry.is_submenu:
        machine.open_context()
        machine.menu()
        machine.variables.set("timeout", "0")
    name = entry.name.replace(">", ">>")
    machine.variables.set("chosen", name if chosen is None else f"{chosen}>{name}")
    rest = _behind_submenu(default or "")
    if rest:
        machine.variables.set("default", rest)
    elif not machine.is_fedora:
        machine.variables.unset("default")
    outer, machine.current = machine.current, entry
    error = _run(machine, entry)
    if entry.is_submenu:
        submenu = machine.menu()
        machine.submenu_entries += submenu
        if submenu:
            show_menu(machine, submenu, nested=True, automatic=True)
        machine.close_context()
    machine.current = outer
    for variable, value in (("chosen", chosen), ("default", default)):
        if value is None:
            machine.variables.unset(variable)
        else:
            machine.variables.set(variable, value)
    machine.variables.unset("timeout")
    return error


def _run(machine: Machine, entry: Entry) -> int:
    """Run its body, then the kernel that it loaded, which Fedora boots only if the last command worked."""
    printed, already = machine.printed, len(machine.errors)
    machine.attempted = None
    error = run_entry_body(machine, entry)
    machine.print_error()
    if machine.printed != printed:
        machine.wait_after_message()
    if machine.loaded is not None and (error == Err.NONE or not machine.is_fedora):
        try:
            error = COMMANDS["boot"](machine, Call("boot", []))
        except GrubError as failure:
            error = failure.number
    if not entry.is_submenu:
        machine.failed = failed_entry(machine, entry, _problem(machine.errors[already:], error))
    return error


def _problem(said: list[str], error: int) -> str:
    """What GRUB complained of: the first complaint, and the last one, which made it give up."""
    if not error:
        return "it loads no kernel"
    if not said:
        return "its last command fails"
    return said[0] if said[0] == said[-1] else f"{said[0]}; {said[-1]}"


def _behind_submenu(default: str) -> str:
    """What follows the first single `>`."""
    at = 0
    while at < len(default):
        if default.startswith(">>", at):
            at += 2
        elif default[at] == ">":
            return default[at + 1 :]
        else:
            at += 1
    return ""


def _check_user(machine: Machine, entry: Entry) -> None:
    """An entry is for some only where `superusers` is set, unless it says that it is for everybody."""
    if entry.users is not None and machine.variable("superusers") is not None:
        raise Stop("prompt", f"GRUB asks for a user name before it starts {printable(entry.title)!r}")
