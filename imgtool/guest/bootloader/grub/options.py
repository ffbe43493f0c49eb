"""A command's options, as GRUB takes them apart (grub-core/lib/arg.c)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from imgtool.guest.bootloader.grub.errors import Err, GrubError


@dataclass(frozen=True, slots=True)
class Option:
    """One that a command knows."""

    long: str
    short: str = ""
    takes: bool = False
    """Whether a value follows."""
    optional: bool = False
    repeatable: bool = False


@dataclass(slots=True)
class Parsed:
    """Each option's values, in their order; None for one without; and the arguments that are left."""

    values: dict[str, list[str | None]] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)
    asks_for_help: bool = False

    def has(self, name: str) -> bool:
        """Whether it was given."""
        return name in self.values

    def value(self, name: str) -> str | None:
        """Return the option's last value."""
        return self.values[name][-1] if name in self.values else None

    def all(self, name: str) -> list[str]:
        """All its values."""
        return [value for value in self.values.get(name, ()) if value is not None]


HELP = (Option("help", "h"), Option("usage", "u"))


def parse(
    options: Sequence[Option], arguments: list[str], *, accept_dash: bool = False, at_start: bool = False
) -> Parsed:
    """The options among `arguments`, wherever they stand. Raises GrubError for one that is not known.

    With `accept_dash` what is no option stays an argument; `at_start`: behind the first argument is none.
    """
    return _Parser(options, arguments, accept_dash=accept_dash, at_start=at_start).parse()


class _Parser:
    def __init__(
        self, options: Sequence[Option], arguments: list[str], *, accept_dash: bool, at_start: bool
    ) -> None:
        self._long = {option.long: option for option in (*HELP, *options)}
        self._short = {option.short: option for option in (*HELP, *options) if option.short}
        self._arguments = arguments
        self._accept_dash = accept_dash
        self._at_start = at_start
        self._at = 0
        self._parsed = Parsed()

    def parse(self) -> Parsed:
        while self._at < len(self._arguments) and not self._parsed.asks_for_help:
            argument = self._arguments[self._at]
            self._at += 1
            if self._at_start and self._parsed.arguments:
                self._parsed.arguments.append(argument)
            elif argument == "--":
                self._parsed.arguments += self._arguments[self._at :]
                break
            elif argument.startswith("--"):
                self._take_long(argument)
            elif argument.startswith("-") and len(argument) > 1:
                self._take_short(argument)
            else:
                self._parsed.arguments.append(argument)
        return self._parsed

    def _take_long(self, argument: str) -> None:
        name, equals, given = argument[2:].partition("=")
        option = self._long.get(name)
        value = given if equals else None
        if value is None and option is not None and option.takes and self._next_is_value():
            value = self._arguments[self._at]
            self._at += 1
        if option is None:
            self._unknown(argument)
        else:
            self._set(option, value, argument)

    def _next_is_value(self) -> bool:
        return self._at < len(self._arguments) and not self._arguments[self._at].startswith("-")

    def _take_short(self, argument: str) -> None:
        letters = argument[1:]
        if self._accept_dash and any(letter not in self._short for letter in letters):
            self._parsed.arguments.append(argument)
            return
        for index, letter in enumerate(letters):
            option = self._short.get(letter)
            if option is None:
                self._unknown(f"-{letter}")
                return
            is_last = index + 1 == len(letters)
            if not is_last and option.takes and not option.optional:
                raise GrubError(Err.BAD_ARGUMENT, f"missing mandatory option for `{option.long}'")
            self._set(option, self._short_value(option) if is_last else None, argument)

    def _short_value(self, option: Option) -> str | None:
        if not option.takes or self._at >= len(self._arguments):
            return None
        following = self._arguments[self._at]
        if option.optional and len(following) >= 2 and following.startswith("-"):
            return None
        self._at += 1
        return following

    def _unknown(self, argument: str) -> None:
        if not self._accept_dash:
            raise GrubError(Err.BAD_ARGUMENT, f"unknown argument `{argument}'")
        self._parsed.arguments.append(argument)

    def _set(self, option: Option, value: str | None, argument: str) -> None:
        if option in HELP:
            self._parsed.asks_for_help = True
            return
        if option.takes and value is None and not option.optional:
            raise GrubError(Err.BAD_ARGUMENT, f"missing mandatory option for `{option.long}'")
        if value is not None and not option.takes:
            raise GrubError(Err.BAD_ARGUMENT, f"a value was assigned to the argument `{argument}'")
        values = self._parsed.values.setdefault(option.long, [])
        if not option.repeatable:
            values.clear()
        values.append(value)
