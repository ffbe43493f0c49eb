"""Commands that only answer: test and `[` (grub-core/commands/test.c), regexp, file, cmp."""

import re
from collections.abc import Callable

from imgtool.guest.bootloader.grub.commands.registry import command
from imgtool.guest.bootloader.grub.disks import child, find
from imgtool.guest.bootloader.grub.errors import Err, GrubError, Undecided
from imgtool.guest.bootloader.grub.execute import Call
from imgtool.guest.bootloader.grub.expressions import search_expression
from imgtool.guest.bootloader.grub.machine import Machine
from imgtool.guest.bootloader.grub.options import Option, parse
from imgtool.guest.bootloader.grub.values import SPACES, known, signed, unsigned
from imgtool.guest.filesystems.base import Kind

MAX_TEST_DEPTH = 100
_DIGITS = re.compile(r"[0-9]{0,9}")

_STRINGS: dict[str, Callable[[str, str], bool]] = {
    "=": lambda a, b: a == b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: _bytes(a) < _bytes(b),
    "<=": lambda a, b: _bytes(a) <= _bytes(b),
    ">": lambda a, b: _bytes(a) > _bytes(b),
    ">=": lambda a, b: _bytes(a) >= _bytes(b),
}
_NUMBERS: dict[str, Callable[[int, int], bool]] = {
    "-eq": lambda a, b: a == b,
    "-ge": lambda a, b: a >= b,
    "-gt": lambda a, b: a > b,
    "-le": lambda a, b: a <= b,
    "-lt": lambda a, b: a < b,
    "-ne": lambda a, b: a != b,
}


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


@command("test", "[")
def _test(machine: Machine, call: Call) -> int:
    arguments = call.arguments[:-1] if call.arguments[-1:] == ["]"] else call.arguments
    if _Test(machine, arguments).run():
        return Err.NONE
    raise GrubError(Err.TEST_FAILURE, "false")


class _Test:
    """Reads from left to right; what stands side by side is and, `-o` parts alternatives."""

    def __init__(self, machine: Machine, arguments: list[str]) -> None:
        self._machine = machine
        self._arguments = arguments
        self._at = 0
        self._depth = 0

    def run(self) -> bool:
        any_of, all_of, invert = False, True, False
        while self._at < len(self._arguments):
            word = self._arguments[self._at]
            value = self._operator()
            if value is None:
                self._at += 1
                if word == ")":
                    self._depth = max(0, self._depth - 1)
                    break
                if word == "!":
                    invert = not invert
                    continue
                if word == "-a":
                    continue
                if word == "-o":
                    any_of, all_of = any_of or all_of, True
                    continue
                value = self._group() if word == "(" else bool(known(word, "a test"))
            all_of = all_of and value != invert
            invert = False
        return any_of or all_of

    def _group(self) -> bool:
        self._depth += 1
        if self._depth > MAX_TEST_DEPTH:
            raise GrubError(Err.OUT_OF_RANGE, "max recursion depth exceeded")
        return self.run()

    def _operator(self) -> bool | None:
        """The value of an operator with its operands, and on behind it; None where none stands here."""
        words = self._arguments[self._at : self._at + 3]
        value = self._binary(*words) if len(words) == 3 else None
        if value is not None:
            self._at += 3
            return value
        value = self._unary(*words[:2]) if len(words) > 1 else None
        if value is not None:
            self._at += 2
        return value

    def _binary(self, left: str, operator: str, right: str) -> bool | None:
        if operator in _STRINGS:
            return _STRINGS[operator](known(left, "a test"), known(right, "a test"))
        if operator in _NUMBERS:
            return _NUMBERS[operator](signed(known(left, "a test")), signed(known(right, "a test")))
        if operator in {"-pgt", "-plt"}:
            return _prefixed(known(left, "a test"), operator, known(right, "a test"))
        if operator[:3] in {"-nt", "-ot"}:
            return self._newer(left, right, operator)
        return None

    def _newer(self, left: str, right: str, operator: str) -> bool:
        first, second = self._kind(left), self._kind(right)
        if first is not None and second is not None:
            raise Undecided(f"which of {left} and {right} is newer is not looked at")
        return first is not None if operator.startswith("-nt") else second is not None

    def _unary(self, operator: str, operand: str) -> bool | None:
        if operator == "-d":
            return self._kind(operand) is Kind.DIRECTORY
        if operator == "-e":
            return self._kind(operand) is not None
        if operator == "-f":
            return self._kind(operand) not in {None, Kind.DIRECTORY}
        if operator == "-s":
            return self._machine.has_file(operand)
        if operator in {"-n", "-z"}:
            return bool(known(operand, "a test")) is (operator == "-n")
        return None

    def _kind(self, path: str) -> Kind | None:
        """What stands in the directory under that name: a link stays a link, and is no directory."""
        machine = self._machine
        try:
            place = machine.place(path)
            if place.device in machine.loopbacks:
                raise Undecided(f"({place.device}) is a file system inside of a file")
            device = machine.disks.device(place.device)
            above, _, name = place.path.rstrip("/").rpartition("/")
            if not name:
                return Kind.DIRECTORY
            directory = find(device, f"{above}/", relative=machine.btrfs_is_relative).node
        except GrubError as error:
            if error.number == Err.FILE_NOT_FOUND:
                machine.pending = error
            return None
        if directory.kind is not Kind.DIRECTORY:
            return None
        if name in {".", ".."}:
            return Kind.DIRECTORY
        node = child(device, directory, name)
        return None if node is None else node.kind


def _prefixed(left: str, operator: str, right: str) -> bool:
    """Numbers behind what both begin with: `vmlinuz-2 -plt vmlinuz-11`."""
    common = 0
    while left[common : common + 1] == right[common : common + 1] and common < len(left):
        common += 1
    common -= 1
    while common > 0 and left[common].isdigit():
        common -= 1
    common += 1
    first, second = unsigned(left[common:]), unsigned(right[common:])
    return first > second if operator == "-pgt" else first < second


@command("regexp")
def _regexp(machine: Machine, call: Call) -> int:
    parsed = parse((Option("set", "s", takes=True, repeatable=True),), call.arguments)
    machine.modules.loaded.add("regexp")
    if len(parsed.arguments) != 2:
        raise GrubError(Err.BAD_ARGUMENT, "two arguments expected")
    pattern, text = (known(word, "a regular expression") for word in parsed.arguments)
    groups = search_expression(pattern, text)
    if groups is None:
        raise GrubError(Err.TEST_FAILURE, "no match")
    for name in parsed.all("set"):
        _set_group(machine, name, groups)
    return Err.NONE


def _set_group(machine: Machine, name: str, groups: list[str | None]) -> None:
    """`NUMBER:VARIABLE`, where none is 0; without a colon it is the first group's. Seen with GRUB 2.06."""
    number, colon, variable = name.partition(":")
    index = 1
    if colon:
        digits = _DIGITS.match(number.lstrip(SPACES))
        if digits is None or digits[0] != number.lstrip(SPACES):
            raise GrubError(Err.BAD_ARGUMENT, f"invalid variable name format {name}")
        index = int(number or 0)
    else:
        variable = name
    value = groups[index] if index < len(groups) else None
    if value is None:
        machine.variables.unset(variable)
    else:
        machine.variables.set(variable, value)


@command("file", "cmp")
def _undecided(_machine: Machine, call: Call) -> int:
    raise Undecided(f"what `{call.name}` finds in files is not looked at")
