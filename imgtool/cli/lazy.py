"""A click group that imports a command only when it is called."""

import importlib
from collections.abc import Mapping
from typing import Any

import click


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
