"""A script's text, statement by statement (grub-core/normal/main.c, script/execute.c).

What cannot be parsed is dropped with an error. A file goes on with its next line; an entry's body ends there.
"""

from imgtool.guest.bootloader.grub.errors import Err, GrubError
from imgtool.guest.bootloader.grub.execute import execute
from imgtool.guest.bootloader.grub.lexer import ScriptError
from imgtool.guest.bootloader.grub.machine import Entry, Machine, Scope
from imgtool.guest.bootloader.grub.parser import parse_statements
from imgtool.guest.bootloader.grub.syntax import Sequence
from imgtool.guest.bootloader.grub.values import known

MAX_NESTED_FILES = 20


class _Lines:
    """Lines that are given one at a time."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._at = 0

    def next(self) -> str | None:
        if self._at >= len(self._lines):
            return None
        self._at += 1
        return self._lines[self._at - 1]


def run_file(machine: Machine, path: str) -> None:
    """Reads a configuration file and runs it: read_config_file. Raises GrubError where there is none."""
    machine.menu()
    known(path, "the path of a configuration file")
    file = machine.file(path)
    text = machine.read_file(file)
    before = {name: machine.variable(name) for name in ("config_file", "config_directory")}
    full = path if path.startswith("(") else f"({machine.known_variable('root')}){path}"
    machine.variables.set("config_file", full)
    machine.variables.set("config_directory", full.rpartition("/")[0])
    source, machine.source = machine.source, str(file)
    machine.nested_files += 1
    if machine.nested_files > MAX_NESTED_FILES:
        raise machine.too_deep()
    _run_lines(machine, [line for line in machine.lines(text) if not line.startswith("#")])
    machine.nested_files -= 1
    machine.source = source
    for name, value in before.items():
        if value is None:
            machine.variables.unset(name)
        else:
            machine.variables.set(name, value)


def _run_lines(machine: Machine, lines: list[str]) -> None:
    remaining = _Lines(lines)
    while True:
        machine.print_error()
        line = remaining.next()
        if line is None:
            return
        parsed = _parsed(machine, line, remaining)
        if parsed is not None and parsed.items:
            execute(machine, parsed)


def _parsed(machine: Machine, line: str, remaining: _Lines) -> Sequence | None:
    def define(name: str, body: Sequence) -> None:
        if name not in machine.executing:
            machine.functions[name] = body

    machine.step()
    try:
        return parse_statements(line, remaining.next, define)
    except ScriptError as error:
        machine.say_error(str(error))
        return None


def parses(text: str) -> bool:
    """Whether all of a script can be parsed."""
    remaining = _Lines(text.split("\n"))
    try:
        while (line := remaining.next()) is not None:
            parse_statements(line, remaining.next, lambda _name, _body: None)
    except ScriptError:
        return False
    return True


def run_source(machine: Machine, text: str) -> int:
    """Runs the text of an entry, or of `eval`: what its last command returns.

    A mistake ends it, and is no failure: its error is printed, and so forgotten, before it could be returned.
    """
    result = int(Err.NONE)
    remaining = _Lines(text.split("\n"))
    while (line := remaining.next()) is not None:
        parsed = _parsed(machine, line, remaining)
        if parsed is None:
            return Err.NONE
        if parsed.items:
            result = execute(machine, parsed)
    return result


def run_entry_body(machine: Machine, entry: Entry) -> int:
    """The body of a menu entry, with its title and arguments as positional parameters."""
    outer, machine.scope = machine.scope, Scope(list(entry.arguments))
    source, machine.source = machine.source, entry.source
    try:
        return run_source(machine, entry.body)
    finally:
        machine.scope, machine.source = outer, source


def source_error(machine: Machine, path: str) -> None:
    """`source`, whose failure nobody is told of."""
    try:
        run_file(machine, path)
    except GrubError:
        machine.pending = None
