"""Values of options that nobody gave: from the environment, and from the configuration file.

IMGTOOL_CHECK_POLICY is --policy of `imgtool check`; the file, TOML, has a table for each command, and above
them the few options that most commands have. click takes both where the command line says nothing: first
the environment, then the file, then what imgtool does by itself.
"""

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from imgtool.errors import UsageError
from imgtool.util.text import printable

PREFIX = "IMGTOOL_"
FILE_VARIABLE = "IMGTOOL_CONFIG"
COMMON = ("output", "progress", "verbose", "log-file")
"""What may stand above the tables, for every command that has it."""
MAX_BYTES = 1 << 20
"""Of a configuration file."""

_LISTED = 20
"""Names that a message still lists."""
_FILE = "imgtool.configuration"
"""What click's context knows of the file that was read: its path."""


def apply(context: click.Context, name: str, command: click.Command, commands: Collection[str]) -> None:
    """Let click know them before it parses what is behind the command's name.

    `commands` are all that there are. Raises UsageError for a variable or a key that stands for no option,
    and for a file that cannot be read.
    """
    options = {_long(one): one for one in command.params if isinstance(one, click.Option)}
    for option, parameter in options.items():
        parameter.envvar = variable(name, option)
    _refuse_unknown(name, options)
    path = file()
    if path is None:
        return
    context.meta[_FILE] = path
    context.default_map = {name: _of_command(path, _read(path), name, options, commands)}


def variable(command: str, option: str) -> str:
    """Return the environment variable that stands for the option of that name."""
    return f"{PREFIX}{command}_{option}".upper().replace("-", "_")


def file() -> Path | None:
    """Return the configuration file: by IMGTOOL_CONFIG, else below $XDG_CONFIG_HOME, else none.

    Raises UsageError where IMGTOOL_CONFIG names a file that is not there.
    """
    named = os.environ.get(FILE_VARIABLE)
    if named:
        if not Path(named).exists():
            raise UsageError(
                f"{printable(named)}: does not exist",
                hint=f"{FILE_VARIABLE} names it: make it, or unset that",
            )
        return Path(named)
    found = usual_file()
    return found if found is not None and found.is_file() else None


def usual_file() -> Path | None:
    """Return where the file is looked for by itself; None where there is no home."""
    base, home = os.environ.get("XDG_CONFIG_HOME", ""), os.environ.get("HOME", "")
    if Path(base).is_absolute():  # a relative one is to be ignored, says the specification
        return Path(base, "imgtool", "config.toml")
    return Path(home, ".config", "imgtool", "config.toml") if Path(home).is_absolute() else None


def value_of(context: click.Context, name: str, option: str) -> str | None:
    """Return what environment or file say of an option of the command, before it is parsed."""
    told = (context.default_map or {}).get(name, {}).get(option)
    return os.environ.get(variable(name, option)) or (None if told is None else str(told))


def origin(context: click.Context | None, parameter: click.Parameter | None) -> str | None:
    """Say where a value came from that no option gave; None for the command line."""
    if context is None or parameter is None or parameter.name is None:
        return None
    source = context.get_parameter_source(parameter.name)
    if source is ParameterSource.ENVIRONMENT:
        return f"the environment variable {parameter.envvar}"
    if source is ParameterSource.DEFAULT_MAP:
        return f"the configuration file {printable(str(context.meta.get(_FILE, '')))}"
    return None


def in_force(context: click.Context) -> list[str]:
    """List the options that have such a value, each with where it came from."""
    found = ((one, origin(context, one)) for one in context.command.params)
    return [f"{_long(one)} by {where}" for one, where in found if where is not None]


def _long(parameter: click.Parameter) -> str:
    """Return the option's name without its dashes."""
    return max(parameter.opts, key=len).lstrip("-")


def _refuse_unknown(name: str, options: Iterable[str]) -> None:
    """Raise UsageError for a variable of this command that stands for none of its options."""
    known = {variable(name, option): option for option in options}
    beginning = f"{PREFIX}{name}_".upper().replace("-", "_")
    unknown = [one for one in sorted(os.environ) if one.startswith(beginning) and one not in known]
    if not unknown:
        return
    from imgtool.util import misspelt  # noqa: PLC0415 - loaded only where something is wrong

    hint = misspelt.hint(unknown[0], known, f"`imgtool {name} --help` lists the options; unset it")
    raise UsageError(f"{printable(unknown[0])} stands for no option of `imgtool {name}`", hint=hint)


def _read(path: Path) -> Mapping[str, Any]:
    """Return the tables of the file. Raises UsageError."""
    import tomllib  # noqa: PLC0415 - only for who has such a file

    shown = printable(str(path))
    try:
        with path.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{shown}: cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise UsageError(f"{shown}: larger than {MAX_BYTES} bytes", hint="is this the right file?")
    try:
        return tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{shown}: no valid TOML: {printable(str(error))}", hint=_HOW) from error


_HOW = '`imgtool help command-line` shows how such a file looks: [check], and below it policy = "strict"'


def _of_command(
    path: Path,
    tables: Mapping[str, Any],
    name: str,
    options: Mapping[str, click.Option],
    commands: Collection[str],
) -> dict[str, Any]:
    """Return what the file says for this command, by click's names of the options. Raises UsageError."""
    shown = printable(str(path))
    common = {key: value for key, value in tables.items() if not isinstance(value, dict)}
    _refuse(shown, common, COMMON, "a key above the tables", "what most commands have stands there")
    _refuse(shown, tables.keys() - common.keys(), commands, "a table", "each is named as a command")
    own = tables.get(name, {})
    _refuse(f"{shown}: [{name}]", own, options, "an option", f"`imgtool {name} --help` lists the options")
    given = {**{key: value for key, value in common.items() if key in options}, **own}
    return {str(options[key].name): _value(shown, key, value, options[key]) for key, value in given.items()}


def _refuse(where: str, given: Iterable[str], known: Collection[str], noun: str, otherwise: str) -> None:
    unknown = [key for key in given if key not in known]
    if not unknown:
        return
    from imgtool.util import misspelt  # noqa: PLC0415 - loaded only where something is wrong

    listed = f"{otherwise}: {', '.join(known)}" if len(known) < _LISTED else otherwise
    hint = misspelt.hint(unknown[0], known, listed)
    raise UsageError(f"{where}: {printable(unknown[0])} is not {noun} that there is", hint=hint)


def _value(where: str, key: str, value: Any, option: click.Option) -> Any:
    """Return it as click takes it: a list for what is repeatable, and text but for switches and counts."""
    several = value if isinstance(value, list) else [value]
    if not option.multiple and isinstance(value, list):
        raise UsageError(f"{where}: {key} takes one value", hint=f"leave the brackets out: {key} = ...")
    if any(isinstance(one, dict | list) for one in several):
        raise UsageError(f"{where}: {key} takes text, numbers, or true and false", hint=_HOW)
    if option.multiple:
        return [str(one) for one in several]
    return value if option.is_flag or option.count else str(value)
