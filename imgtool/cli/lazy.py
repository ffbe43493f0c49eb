"""A click group that imports a command only when it is called."""

import importlib
from collections.abc import Mapping
from typing import Any

import click

from imgtool.cli import console, defaults
from imgtool.errors import UsageError
from imgtool.util.text import printable


class LazyGroup(click.Group):
    """Knows each command's short help; command `name` is the object `command` of `package`.`name`."""

    def __init__(self, *args: Any, commands_help: Mapping[str, str], package: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._commands_help = commands_help
        self._package = package

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands in the order of the work, not of the alphabet."""
        return list(self._commands_help)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        if cmd_name not in self._commands_help:
            return None
        command = importlib.import_module(f"{self._package}.{cmd_name}").command
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Raises UsageError that suggests another command where there is none of that name."""
        name = args[0]
        if name in self._commands_help or name.startswith("-") or ctx.resilient_parsing:
            found = super().resolve_command(ctx, args)
            if found[1] is not None and not ctx.resilient_parsing:
                _take_defaults(ctx, name, found[1], self._commands_help)
            return found
        from imgtool.util import misspelt  # noqa: PLC0415 - loaded only where something is wrong

        close = misspelt.closest(name, self._commands_help)
        program = ctx.command_path
        hint = f"did you mean `{program} {close}`?" if close else f"`{program} --help` lists the commands"
        raise UsageError(f"there is no command '{printable(name)}'", hint=hint)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """The commands, none of which is loaded for that, and the group's own options."""
        from imgtool.cli import completions  # noqa: PLC0415 - only for a shell that completes

        own = click.Command.shell_complete(self, ctx, incomplete)
        return [*completions.group_items(self._commands_help.items(), incomplete), *own]

    def invoke(self, ctx: click.Context) -> Any:
        """A pipe that broke is a bug here: click would end with status 1, which says that a check failed.

        That of stdout is a ReaderGoneError.
        """
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise RuntimeError("a pipe broke that is not stdout") from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in `imgtool --help`."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._commands_help.items()))


def _take_defaults(
    ctx: click.Context, name: str, command: click.Command, commands: Mapping[str, str]
) -> None:
    """Let environment and configuration file speak; errors are told as JSON where they want that."""
    defaults.apply(ctx, name, command, commands)
    for option in ("output", "progress"):
        console.expect(option, defaults.value_of(ctx, name, option), ctx.obj or ())
