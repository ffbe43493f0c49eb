"""`imgtool completion SHELL`: the script by which a shell completes commands, options and their values."""

import click

from imgtool.cli import completions, console

SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands, options and values in SHELL: bash, zsh or fish.

    Values are clouds of clouds.yaml, checks, profiles, report formats and files. For bash, once:

    imgtool completion bash > ~/.local/share/bash-completion/completions/imgtool
    """
    console.show(completions.script(ctx.find_root().command, shell).rstrip("\n"))
