"""The script inside GRUB's image, which the rescue parser runs (grub-core/kern/parser.c, rescue_parser.c).

It knows commands, assignments, quotes and variables, one command a line; neither `;` nor blocks. Where the
image has normal mode's own commands a script of its language still is read line by line here.
"""

from imgtool.guest.bootloader.grub.errors import Err
from imgtool.guest.bootloader.grub.execute import COMMANDS, Call, run
from imgtool.guest.bootloader.grub.machine import Machine
from imgtool.guest.bootloader.grub.values import SPACES

MAX_LINES = 2000
MAX_CHARACTERS = 64 << 10


def run_embedded(machine: Machine, script: str) -> None:
    """Runs it line by line; errors stop nothing."""
    lines = script[:MAX_CHARACTERS].split("\n")[:MAX_LINES]
    at = 0
    while at < len(lines):
        line, at = lines[at], at + 1
        words, is_open = split(machine, line)
        while is_open and at < len(lines):
            line, at = f"{line}{lines[at]}", at + 1
            words, is_open = split(machine, line)
        machine.step()
        _run(machine, words)


def _run(machine: Machine, words: list[str]) -> None:
    if not words or not words[0]:
        return
    name, equals, value = words[0].partition("=")
    if len(words) == 1 and equals:
        machine.variables.set(name, value)
    elif words[0] in COMMANDS:
        run(machine, Call(words[0], words[1:]))
        if machine.pending is not None and machine.pending.number == Err.TEST_FAILURE:
            machine.say_error(str(machine.pending))
            machine.pending = None
        machine.print_error()
    else:
        machine.say(f"Unknown command `{words[0][:100]}'.\n")


def split(machine: Machine, line: str) -> tuple[list[str], bool]:
    """The words of a line, and whether a quote is still open at its end."""
    splitter = _Splitter(machine, line)
    while splitter.at < len(line):
        splitter.character()
    splitter.end_word()
    return splitter.words, bool(splitter.quote) or splitter.is_escaped_end


class _Splitter:
    def __init__(self, machine: Machine, line: str) -> None:
        self.words: list[str] = []
        self.quote = ""
        self.at = 0
        self.is_escaped_end = False
        self._machine = machine
        self._line = line
        self._current: list[str] = []

    def character(self) -> None:
        character = self._line[self.at]
        self.at += 1
        if self.quote == "'" or character in "'\"":
            self._quoted(character)
        elif character == "\\" and not self.quote:
            self._current.append(self._line[self.at : self.at + 1])
            self.is_escaped_end = self.at >= len(self._line)
            self.at += 1
        elif character == "$":
            value, self.at = _variable(self._machine, self._line, self.at)
            self._current.append(value)
        elif character in SPACES and not self.quote:
            self.end_word()
        else:
            self._current.append(character)

    def _quoted(self, character: str) -> None:
        """A quote that opens or closes; within other quotes a character as any."""
        if self.quote and character != self.quote:
            self._current.append(character)
        else:
            self.quote = "" if self.quote else character

    def end_word(self) -> None:
        if any(self._current):
            self.words.append("".join(self._current))
        self._current = []


def _variable(machine: Machine, line: str, at: int) -> tuple[str, int]:
    """The value of the variable whose name begins at `at`, and where the line goes on."""
    end = at
    if line[at : at + 1] == "{":
        closing = line.find("}", at)
        end = len(line) if closing < 0 else closing
        return machine.variable(line[at + 1 : end]) or "", end + 1
    while end < len(line) and (line[end] == "_" or (line[end].isascii() and line[end].isalnum())):
        end += 1
    return machine.variable(line[at:end]) or "", end
