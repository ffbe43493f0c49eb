"""Runs parsed scripts (grub-core/script/execute.c)."""

from collections.abc import Callable
from dataclasses import dataclass

from imgtool.guest.bootloader.grub.errors import Err, GrubError, Undecided
from imgtool.guest.bootloader.grub.expand import expanded
from imgtool.guest.bootloader.grub.machine import Control, Machine, Scope
from imgtool.guest.bootloader.grub.syntax import Command, For, If, Node, Sequence, While
from imgtool.guest.bootloader.grub.values import known
from imgtool.util.text import printable

MAX_DEPTH = 64
"""Commands inside commands: where recent GRUBs give up, and older ones go on."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a command."""

    name: str
    arguments: list[str]
    block: str | None = None


Handler = Callable[[Machine, Call], int]
COMMANDS: dict[str, Handler] = {}
"""Every command of GRUB's that is known; commands/ fills it."""
ALLOWED_IN_EXTRACTORS = frozenset({"menuentry", "submenu", "search", "test", "[", "set"})
TAKES_BLOCK = frozenset({"menuentry", "submenu"})
QUESTIONS = frozenset({"test", "[", "regexp", "keystatus", "cmp", "file", "cpuid"})
"""Commands that only answer a question: where the answer cannot be known, both are tried."""


def execute(machine: Machine, node: Node | None) -> int:
    """What the node returns, which is also in `$?` then."""
    if node is None:
        return Err.NONE
    machine.depth += 1
    if machine.depth > MAX_DEPTH:
        raise Undecided(f"a GRUB script is nested more than {MAX_DEPTH} deep: GRUB's versions differ there")
    result = _execute(machine, node)
    machine.depth -= 1
    machine.variables.set("?", str(result))
    return result


def _execute(machine: Machine, node: Node) -> int:
    if isinstance(node, Command):
        return _command(machine, node)
    if isinstance(node, Sequence):
        return _sequence(machine, node)
    if isinstance(node, If):
        return _if(machine, node)
    return _for(machine, node) if isinstance(node, For) else _while(machine, node)


def _sequence(machine: Machine, node: Sequence) -> int:
    result = int(Err.NONE)
    for item in node.items:
        if machine.control.breaks:
            break
        result = execute(machine, item)
        if machine.control.returning:
            break
    return result


def _if(machine: Machine, node: If) -> int:
    result = execute(machine, node.condition)
    if machine.control.returning:
        return result
    machine.pending = None
    is_true = machine.variable("?") == "0"
    return execute(machine, node.then if is_true else node.otherwise)


def _for(machine: Machine, node: For) -> int:
    control = machine.control
    control.loops += 1
    result = int(Err.NONE)
    for value in expanded(machine, node.words):
        if not _goes_on(control):
            break
        machine.step()
        machine.variables.set(node.name, value)
        result = execute(machine, node.body)
        if control.returning:
            break
    control.breaks = max(0, control.breaks - 1)
    control.loops -= 1
    return result


def _while(machine: Machine, node: While) -> int:
    control = machine.control
    control.loops += 1
    while True:
        machine.step()
        result = execute(machine, node.condition)
        if control.returning or (not result if node.until else result):
            break
        result = execute(machine, node.body)
        if _is_left(control):
            break
    control.breaks = max(0, control.breaks - 1)
    control.loops -= 1
    return result


def _is_left(control: Control) -> bool:
    return control.returning or not _goes_on(control)


def _goes_on(control: Control) -> bool:
    """Whether the loop takes another turn; `continue` is used up by that."""
    if control.is_continue and control.breaks == 1:
        control.breaks = 0
    return not control.breaks


def _command(machine: Machine, node: Command) -> int:
    machine.step()
    arguments = expanded(machine, node.words)
    if not arguments:
        return Err.NONE
    inverted = arguments[0] == "!"
    if inverted:
        arguments = arguments[1:]
        if not arguments:
            return machine.set_error(GrubError(Err.BAD_ARGUMENT, "no command is specified"))
    call = _call(known(arguments[0], "the name of a command"), arguments[1:], node.block)
    result = run(machine, call)
    if result is None:
        return Err.NONE
    if inverted:
        result = _inverted(machine, result)
    if machine.pending is not None and machine.pending.number == Err.TEST_FAILURE:
        machine.pending = None
    machine.print_error()
    return result


def _call(name: str, arguments: list[str], block: str | None) -> Call:
    """A block is text to a command that takes none: its last argument."""
    if block is None or name in TAKES_BLOCK:
        return Call(name, arguments, block)
    return Call(name, [*arguments, f"{{{block}}}"])


def _inverted(machine: Machine, result: int) -> int:
    if result == Err.TEST_FAILURE:
        machine.pending = None
    elif result == Err.NONE:
        return Err.TEST_FAILURE
    else:
        machine.print_error()
    return Err.NONE


def run(machine: Machine, call: Call) -> int | None:
    """What the command or function returns; None where there is none of that name, which is no failure."""
    handler = COMMANDS.get(call.name)
    try:
        if handler is not None and machine.modules.has(call.name, machine.has_file):
            return _handled(machine, handler, call)
    except GrubError as error:
        return machine.set_error(error)
    if call.name in machine.functions:
        return _function(machine, call)
    _assign(machine, call.name)
    return None


def _handled(machine: Machine, handler: Handler, call: Call) -> int:
    if machine.extractors and call.name not in ALLOWED_IN_EXTRACTORS:
        raise GrubError(Err.EXTRACTOR, f"{call.name} isn't allowed to execute in an extractor")
    try:
        return handler(machine, call)
    except Undecided as error:
        if call.name not in QUESTIONS:
            raise
        return Err.NONE if machine.oracle.answer(str(error)) else Err.TEST_FAILURE


def _function(machine: Machine, call: Call) -> int:
    outer, machine.scope = machine.scope, Scope(list(call.arguments))
    loops, machine.control.loops = machine.control.loops, 0
    machine.executing.append(call.name)
    result = execute(machine, machine.functions[call.name])
    machine.executing.pop()
    machine.control.returning = False
    machine.control.loops = loops
    machine.scope = outer
    return result


def _assign(machine: Machine, text: str) -> None:
    """`name=value` without `set`; anything else is a command that there is not: an error, no failure."""
    name, equals, value = text.partition("=")
    if not equals:
        machine.say_error(f"can't find command `{printable(text[:20])}'")
    elif name[:1].isdigit() or name in {"#", "*", "@"}:
        machine.say_error(f"invalid variable name `{printable(name[:20])}'")
    else:
        machine.variables.set(name, value)
